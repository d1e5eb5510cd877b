/** Dials a server by QUIC: looks its name up, shakes hands, and checks whose certificate it shows. */
import dns from 'node:dns/promises';
import net from 'node:net';
import { SallyportError } from '../../errors.ts';
import { formatAddress, type HostPort } from '../../net/address.ts';
import { loadQuic } from './binding.ts';
import type { QuicConnection } from './connection.ts';
import type { QuicEnd } from './user.ts';
import { openQuicEndpoint, type QuicEndpoint } from './endpoint.ts';
import { clientConfig, type QuicSettings } from './settings.ts';

export interface QuicDialOptions extends HostPort {
  readonly settings: QuicSettings;
  /** The name that the certificate has to hold. Default: the host. */
  readonly serverName?: string;
  /** The handshake must be done by then. */
  readonly timeoutMs: number;
  /** Ends the attempt; its reason is what `dialQuic` rejects with. */
  readonly signal: AbortSignal;
}

/**
 * Resolves with a connection that has no user yet, on a UDP port of its
 * own that closes after it. Rejects with
 * SERVER_UNREACHABLE, HANDSHAKE_TIMEOUT (silence: nobody is there, or something on the way keeps UDP
 * back), SERVER_TLS, SERVER_NOT_SALLYPORT when the server does not speak the protocol,
 * QUIC_UNAVAILABLE, CONFIG_INVALID, or the reason of the signal.
 */
export async function dialQuic(options: QuicDialOptions): Promise<QuicConnection> {
  const { signal } = options;
  const what = `dial quic ${formatAddress(options)}`;
  const config = clientConfig(loadQuic(), options.settings);
  signal.throwIfAborted();
  const address = await resolve(options.host, what);
  signal.throwIfAborted();
  const endpoint: QuicEndpoint = await openQuicEndpoint({
    listen: { host: net.isIPv6(address) ? '::' : '0.0.0.0', port: 0 },
    handshakeMs: options.timeoutMs,
    emptied: () => endpoint.close(),
  });
  const name = options.serverName ?? options.host;
  // The library compares names, not addresses; with one given it would refuse every certificate.
  const asked = net.isIP(name) === 0 ? name : null;
  const standing = Promise.withResolvers<void>();
  const abort = (): void => standing.reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    if (signal.aborted) abort();
    const to = { host: address, port: options.port };
    const certified = options.settings.cert !== undefined;
    const stands = (): void => standing.resolve();
    const connection = endpoint.connect(config, to, asked, stands, certified);
    connection.user = {
      readable() {},
      turned() {},
      closed: (end) => standing.reject(dialFault(what, end)),
    };
    await standing.promise;
    if (!options.settings.insecure) checkAddress(what, connection, asked, name);
    connection.user = null;
    return connection;
  } catch (thrown) {
    endpoint.close();
    throw thrown;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function resolve(host: string, what: string): Promise<string> {
  if (net.isIP(host) !== 0) return host;
  try {
    return (await dns.lookup(host)).address;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new SallyportError('SERVER_UNREACHABLE', `${what}: ${code ?? message}`, { cause });
  }
}

function checkAddress(
  what: string,
  connection: QuicConnection,
  asked: string | null,
  name: string,
): void {
  if (asked !== null) return;
  const certificate = connection.peerCertificate;
  if (certificate?.checkIP(name) !== undefined) return;
  connection.close(0, '');
  throw new SallyportError(
    'SERVER_TLS',
    `${what}: the certificate of the server does not hold the address ${name}`,
  );
}

/** TLS alerts (RFC 8446, section 6) come as 0x100 and their number; RFC 9001, section 4.8. */
const ALERTS = 0x100;
const NO_APPLICATION_PROTOCOL = 120;
const alerts: Readonly<Record<number, string>> = {
  40: 'the handshake failed',
  42: 'its certificate cannot be used, or is for another name',
  43: 'its certificate is of a kind that cannot be used',
  44: 'its certificate was revoked',
  45: 'its certificate has expired',
  46: 'its certificate cannot be used, or is for another name',
  48: 'its certificate is signed by an authority that is not trusted here',
  49: 'it refused our certificate',
  116: 'it demands a certificate of clients',
};

/** Why a connection does not stand, in the words of whoever dialled. */
export function dialFault(what: string, end: QuicEnd): SallyportError {
  if (end.timedOut) {
    const why = 'no answer; the server may not serve QUIC there, or UDP is kept back on the way';
    return new SallyportError('HANDSHAKE_TIMEOUT', `${what}: ${why}`);
  }
  if (!end.application && end.code >= ALERTS && end.code < 2 * ALERTS) {
    const alert = end.code - ALERTS;
    if (alert === NO_APPLICATION_PROTOCOL)
      return new SallyportError(
        'SERVER_NOT_SALLYPORT',
        `${what}: what answers there speaks another protocol over QUIC`,
      );
    const why = alerts[alert] ?? `TLS alert ${alert}`;
    return new SallyportError('SERVER_TLS', `${what}: ${why}`);
  }
  const code = `${end.application ? 'application' : 'transport'} error ${end.code}`;
  const why = end.reason === '' ? code : `${code}, ${end.reason}`;
  return new SallyportError('SERVER_UNREACHABLE', `${what}: the connection was closed: ${why}`);
}
