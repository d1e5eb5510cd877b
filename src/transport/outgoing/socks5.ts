/**
 * SOCKS 5, RFC 1928, with the login of RFC 1929: the client's end, on a fresh connection to the
 * proxy. Names are sent as names: the proxy looks them up.
 */
import net from 'node:net';
import { SallyportError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS, PROXY_ANSWER_MAX_BYTES } from '../../limits.ts';
import { formatAddress, type HostPort } from '../../net/address.ts';
import { readOff, type ReadOffFault } from '../../net/read-off.ts';
import type { OutgoingProxy } from './proxy.ts';

const VERSION = 5;
const NO_LOGIN = 0;
const LOGIN = 2;
const NONE_OF_THESE = 0xff;
const LOGIN_VERSION = 1;
const CONNECT = 1;
const IPV4 = 1;
const NAME = 3;
const IPV6 = 4;

/** RFC 1928, section 6, by code. */
const refusals: readonly string[] = [
  'succeeded',
  'it failed',
  'its rules do not allow the connection',
  'the network is unreachable from it',
  'the host is unreachable from it',
  'the host refused the connection',
  'the time to live expired',
  'it does not know CONNECT',
  'it does not know this kind of address',
];

/**
 * Asks the proxy for a connection to the target. Resolves when the socket is one, paused, with
 * nothing read of it. Rejects with PROXY_AUTH, PROXY_REFUSED or PROXY_INVALID, and USAGE for a login
 * longer than the protocol carries.
 */
export async function connectThroughSocks(
  socket: net.Socket,
  proxy: OutgoingProxy,
  target: HostPort,
): Promise<void> {
  const name = `proxy ${formatAddress(proxy)}`;
  const read = <Value>(parse: (bytes: Buffer) => { value: Value; length: number } | null) =>
    readOff(socket, {
      parse,
      maxBytes: PROXY_ANSWER_MAX_BYTES,
      timeoutMs: HANDSHAKE_TIMEOUT_MS,
      fault: (fault, cause) =>
        new SallyportError('PROXY_INVALID', `${name}: ${faults[fault]}`, { cause }),
    });
  const pair = (bytes: Buffer) =>
    bytes.length < 2 ? null : { value: [bytes[0], bytes[1]] as const, length: 2 };

  const methods = proxy.login === null ? [NO_LOGIN] : [NO_LOGIN, LOGIN];
  socket.write(Buffer.from([VERSION, methods.length, ...methods]));
  const [version, method] = await read(pair);
  if (version !== VERSION) throw invalid(name, 'it does not speak SOCKS 5');
  if (method === NONE_OF_THESE) {
    const why = proxy.login === null ? 'it asks for a login' : 'it takes no login by password';
    throw new SallyportError('PROXY_AUTH', `${name}: ${why}`);
  }
  if (method === LOGIN && proxy.login !== null) {
    socket.write(loginRequest(proxy.login));
    const [, status] = await read(pair);
    if (status !== 0) throw new SallyportError('PROXY_AUTH', `${name}: the login is wrong`);
  } else if (method !== NO_LOGIN) throw invalid(name, `it chose the login method ${method}`);

  socket.write(
    Buffer.concat([
      Buffer.from([VERSION, CONNECT, 0]),
      addressOf(target.host),
      Buffer.from([target.port >> 8, target.port & 0xff]),
    ]),
  );
  const [answered, code] = await read(readReply);
  if (answered !== VERSION) throw invalid(name, 'its answer is not SOCKS 5');
  if (code === 0) return;
  const why = refusals[code] ?? `it failed with the code ${code}`;
  throw new SallyportError('PROXY_REFUSED', `${name}: no way to ${formatAddress(target)}: ${why}`);
}

function loginRequest({ user, password }: { user: string; password: string }): Buffer {
  const [u, p] = [Buffer.from(user), Buffer.from(password)];
  if (u.length > 255 || p.length > 255)
    throw new SallyportError('USAGE', 'proxy: SOCKS 5 takes 255 bytes of user name and password');
  return Buffer.concat([Buffer.from([LOGIN_VERSION, u.length]), u, Buffer.from([p.length]), p]);
}

function addressOf(host: string): Buffer {
  if (net.isIPv4(host)) return Buffer.from([IPV4, ...host.split('.').map(Number)]);
  if (net.isIPv6(host)) return Buffer.from([IPV6, ...ipv6Bytes(host)]);
  const name = Buffer.from(host);
  return Buffer.concat([Buffer.from([NAME, name.length]), name]);
}

/** The 16 bytes of a canonical IPv6 address. */
function ipv6Bytes(address: string): number[] {
  const [head, tail = ''] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail)];
  const zeros = address.includes('::') ? Array<number>(8 - first.length - last.length).fill(0) : [];
  return [...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 0xff]);
}

/** Version and code; the address it was bound to is passed over. */
function readReply(bytes: Buffer): { value: readonly [number, number]; length: number } | null {
  if (bytes.length < 5) return null;
  const sizes: Readonly<Record<number, number>> = { [IPV4]: 4, [IPV6]: 16, [NAME]: 1 + bytes[4] };
  // A refusal may end early: its address means nothing.
  const length = bytes[1] === 0 ? 4 + (sizes[bytes[3]] ?? 0) + 2 : 5;
  return bytes.length < length ? null : { value: [bytes[0], bytes[1]], length };
}

const faults: Readonly<Record<ReadOffFault, string>> = {
  late: `no answer within ${HANDSHAKE_TIMEOUT_MS} ms`,
  long: 'its answer is too long for SOCKS 5',
  ended: 'it closed the connection during the handshake',
};

function invalid(name: string, why: string): SallyportError {
  return new SallyportError('PROXY_INVALID', `${name}: ${why}`);
}
