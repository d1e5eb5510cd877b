/** What the API server says when it does not do what it was asked, in the words of whoever has to mend it. */
import { SallyportError, type ErrorCode } from '../../../errors.ts';
import { quoted } from '../../../net/printable.ts';
import type { ClusterPath } from '../cluster-path.ts';
import { isMapping } from '../groups-document.ts';
import { clusterText } from './cluster-object.ts';

/** The position from which a watch was to go on is forgotten. */
export const GONE = 410;

export function unavailable(path: ClusterPath, why: string): SallyportError {
  return new SallyportError('CLUSTER_UNAVAILABLE', `${clusterText(path)}: ${why}`);
}

/** `body`: a Status object, or anything else. */
export function apiFault(
  path: ClusterPath,
  verb: 'list' | 'watch',
  status: number,
  body: string,
): SallyportError {
  const [code, why] = describe(path, verb, status);
  const said = messageOf(body);
  const text = said === '' ? why : `${why}; it says ${quoted(said)}`;
  return new SallyportError(code, `${clusterText(path)}: ${text}`);
}

function describe(path: ClusterPath, verb: string, status: number): [ErrorCode, string] {
  const { kind, namespace, name } = path;
  switch (status) {
    case 401:
      return [
        'CLUSTER_DENIED',
        'the API server does not know the token of the service account (401)',
      ];
    case 403: {
      const role = `a Role of namespace ${namespace} with the verbs list and watch on ${kind}s, resourceNames ${name}`;
      return ['CLUSTER_DENIED', `the service account may not ${verb} it (403): bind it to ${role}`];
    }
    default:
      return ['CLUSTER_UNAVAILABLE', `the API server answered ${verb} with status ${status}`];
  }
}

function messageOf(body: string): string {
  try {
    const status: unknown = JSON.parse(body);
    const message = isMapping(status) ? status['message'] : '';
    return typeof message === 'string' ? message : '';
  } catch {
    return '';
  }
}
