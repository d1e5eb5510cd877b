/** `k8s://configmap/NAMESPACE/NAME/KEY` and `k8s://secret/…`: one entry of an object of a cluster. */
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';

export interface ClusterPath {
  readonly kind: 'configmap' | 'secret';
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

/** Namespaces are labels, names of objects a few with dots between; neither can leave its segment of a URL. */
const names = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const keys = /^(?!\.\.?$)[A-Za-z0-9._-]{1,253}$/;

export function isClusterPath(text: string): boolean {
  return text.startsWith('k8s://');
}

/** Throws CONFIG_INVALID for what is not the path of an object of that kind. `what` names it in the message. */
export function parseClusterPath(
  text: string,
  kind: ClusterPath['kind'],
  what: string,
): ClusterPath {
  const [given, namespace = '', name = '', key = '', ...more] = text
    .slice('k8s://'.length)
    .split('/');
  const sound =
    isClusterPath(text) &&
    given === kind &&
    more.length === 0 &&
    names.test(namespace) &&
    names.test(name) &&
    keys.test(key);
  if (sound) return { kind, namespace, name, key };
  throw new SallyportError(
    'CONFIG_INVALID',
    `${what} ${quoted(text)}: write k8s://${kind}/NAMESPACE/NAME/KEY`,
  );
}
