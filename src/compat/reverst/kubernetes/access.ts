/** How a process in a pod reaches the API server of its cluster, as Kubernetes arranges it for every pod. */
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { SallyportError } from '../../../errors.ts';
import {
  KUBERNETES_ANSWER_TIMEOUT_MS,
  KUBERNETES_CREDENTIAL_MAX_BYTES,
  KUBERNETES_WATCH_MAX_MS,
} from '../../../limits.ts';

export interface ClusterAccess {
  readonly server: URL;
  /** Files: the token of the service account, and the authorities (PEM) of the server's certificate. */
  readonly tokenFile: string;
  readonly caFile: string;
  /** A list as a whole, and the head of a watch, must have come by then. */
  readonly answerMs: number;
  /** A watch that has not ended by then is dead. */
  readonly watchMs: number;
}

/** Where the service account of a pod is mounted. */
const MOUNTED = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * `folder`: where the service account is mounted. Throws CONFIG_INVALID where the environment is not that
 * of a pod.
 */
export function podAccess(env: NodeJS.ProcessEnv, folder: string = MOUNTED): ClusterAccess {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  const server = URL.parse(`https://${net.isIPv6(host) ? `[${host}]` : host}:${port}`);
  if (host === '' || server === null) {
    const why = 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT do not lead to an API server';
    const mend = 'k8s:// paths can be used in a pod only; name a file elsewhere';
    throw new SallyportError('CONFIG_INVALID', `kubernetes: ${why}; ${mend}`);
  }
  return {
    server,
    tokenFile: path.join(folder, 'token'),
    caFile: path.join(folder, 'ca.crt'),
    answerMs: KUBERNETES_ANSWER_TIMEOUT_MS,
    watchMs: KUBERNETES_WATCH_MAX_MS,
  };
}

/** Reads both files anew, since Kubernetes replaces tokens long before they end. Rejects with CLUSTER_DENIED. */
export async function readCredentials({
  tokenFile,
  caFile,
}: ClusterAccess): Promise<{ token: string; ca: string }> {
  const [token, ca] = await Promise.all([readSmall(tokenFile), readSmall(caFile)]);
  return { token: token.trim(), ca };
}

async function readSmall(file: string): Promise<string> {
  const mend = 'give the pod a service account (automountServiceAccountToken)';
  let size: number;
  try {
    ({ size } = await fs.stat(file));
    if (size <= KUBERNETES_CREDENTIAL_MAX_BYTES) return await fs.readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = `kubernetes: cannot read ${file}: ${code}; ${mend}`;
    throw new SallyportError('CLUSTER_DENIED', why, { cause });
  }
  const why = `kubernetes: ${file} has ${size} bytes, which no token or authority has`;
  throw new SallyportError('CLUSTER_DENIED', why);
}
