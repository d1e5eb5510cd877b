/** HTTP CONNECT, RFC 9110 section 9.3.6: the client's end, on a fresh connection to the proxy. */
import type net from 'node:net';
import { SallyportError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS, PROXY_ANSWER_MAX_BYTES } from '../../limits.ts';
import { formatAddress, type HostPort } from '../../net/address.ts';
import { quoted } from '../../net/printable.ts';
import { readOff, type ReadOffFault } from '../../net/read-off.ts';
import { readResponseHead } from '../websocket/handshake.ts';
import type { OutgoingProxy } from './proxy.ts';

/**
 * Asks the proxy for a connection to the target. Resolves when the socket is one, paused, with
 * nothing read of it. Rejects with PROXY_AUTH, PROXY_REFUSED or PROXY_INVALID.
 */
export async function connectThroughHttp(
  socket: net.Socket,
  proxy: OutgoingProxy,
  target: HostPort,
): Promise<void> {
  const authority = formatAddress(target);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (proxy.login !== null) {
    const { user, password } = proxy.login;
    const basic = Buffer.from(`${user}:${password}`).toString('base64');
    lines.push(`Proxy-Authorization: Basic ${basic}`);
  }
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const name = `proxy ${formatAddress(proxy)}`;
  const head = await readOff(socket, {
    parse(bytes) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return null;
      const value = readResponseHead(bytes.toString('latin1', 0, end));
      if (value === null) throw invalid(`${name}: it does not answer in HTTP/1.1`);
      return { value, length: end + 4 };
    },
    maxBytes: PROXY_ANSWER_MAX_BYTES,
    timeoutMs: HANDSHAKE_TIMEOUT_MS,
    fault: (fault, cause) => invalid(`${name}: ${faults[fault]}`, cause),
  });
  const { status, reason } = head;
  if (status >= 200 && status < 300) return;
  const answer = `${name} answered ${status} ${quoted(reason)} to CONNECT ${authority}`;
  // 407 is the status for it; tinyproxy says 401 to a wrong login.
  if (status !== 407 && status !== 401) throw new SallyportError('PROXY_REFUSED', answer);
  const why = proxy.login === null ? 'it asks for a login' : 'the login is wrong';
  throw new SallyportError('PROXY_AUTH', `${answer}: ${why}`);
}

const faults: Readonly<Record<ReadOffFault, string>> = {
  late: `no answer to CONNECT within ${HANDSHAKE_TIMEOUT_MS} ms`,
  long: `its answer to CONNECT is longer than ${PROXY_ANSWER_MAX_BYTES} bytes`,
  ended: 'it closed the connection before it had answered CONNECT',
};

function invalid(message: string, cause: Error | null = null): SallyportError {
  return new SallyportError('PROXY_INVALID', message, { cause });
}
