/** The connection to a target, and what its failure is called. */
import net from 'node:net';
import tls from 'node:tls';
import { SallyportError, type ErrorCode } from '../errors.ts';
import { SOCKET_WRITE_MARK_BYTES, TARGET_DIAL_TIMEOUT_MS } from '../limits.ts';
import { formatTarget, type Target } from '../net/target.ts';

const socketOptions = {
  noDelay: true,
  allowHalfOpen: true,
  writableHighWaterMark: SOCKET_WRITE_MARK_BYTES,
};

/** The socket to a target, reading by `onread`. TLS targets are checked unless `insecure`. */
export function connectTarget(
  target: Target,
  insecure: boolean,
  onread: net.OnReadOpts,
): net.Socket {
  if (target.kind === 'unix') {
    // A mark of 0 makes the socket tell of every drain; see net/drain-callbacks.ts.
    const options = { ...socketOptions, path: target.path, writableHighWaterMark: 0, onread };
    return net.connect(options as net.NetConnectOpts);
  }
  const { host, port } = target;
  if (!target.tls)
    return net.connect({ host, port, ...socketOptions, onread } as net.NetConnectOpts);
  const servername = net.isIP(host) === 0 ? host : '';
  const options = {
    host,
    port,
    ...socketOptions,
    onread,
    servername,
    rejectUnauthorized: !insecure,
  };
  return tls.connect(options as tls.ConnectionOptions);
}

const unreachable = new Set([
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_NONAME',
  'EADDRNOTAVAIL',
]);
const refused = new Set(['ECONNREFUSED', 'ENOENT', 'EACCES', 'ECONNRESET', 'EPIPE']);

/** Names what went wrong before the connection to the target stood. */
export function targetError(target: Target, error: NodeJS.ErrnoException | null): SallyportError {
  const code = error?.code ?? '';
  const where = `target ${formatTarget(target)}`;
  if (error === null)
    return new SallyportError('TARGET_CLOSED', `${where}: closed the connection at once`);
  const kind: ErrorCode = refused.has(code)
    ? 'TARGET_REFUSED'
    : unreachable.has(code)
      ? 'TARGET_UNREACHABLE'
      : code === 'ETIMEDOUT'
        ? 'TARGET_TIMEOUT'
        : target.tls
          ? 'TARGET_TLS'
          : 'TARGET_UNREACHABLE';
  return new SallyportError(kind, `${where}: ${code || error.message}`, { cause: error });
}

/** The error of a target that did not answer in time. */
export function targetTimeout(target: Target): SallyportError {
  return new SallyportError(
    'TARGET_TIMEOUT',
    `target ${formatTarget(target)}: no connection within ${TARGET_DIAL_TIMEOUT_MS} ms`,
  );
}
