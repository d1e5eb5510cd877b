/**
 * A connection to a server out there: directly or through a proxy, from a port of the caller's choice
 * where a firewall asks for that, with TLS on top where the URL says so.
 */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { SallyportError } from '../../errors.ts';
import { formatAddress, type HostPort } from '../../net/address.ts';
import type { PortRange } from '../../net/ports.ts';
import { connectThroughHttp } from './http-proxy.ts';
import type { OutgoingProxy } from './proxy.ts';
import { connectThroughSocks } from './socks5.ts';

export interface OutgoingTls {
  /** PEM of further authorities to trust, for the server and for a proxy that speaks TLS. */
  readonly ca?: string;
  /** PEM of our own certificate and its key, shown to the server only. */
  readonly cert?: string;
  readonly key?: string;
  /** Name that the server's certificate has to hold, and is asked for. Default: the host. */
  readonly serverName?: string;
}

export interface OutgoingOptions extends HostPort {
  readonly secure: boolean;
  readonly tls?: OutgoingTls;
  /** Null: dialled directly. */
  readonly proxy: OutgoingProxy | null;
  /** Local ports to dial from, tried in order; absent: whatever the system gives. */
  readonly localPorts?: readonly PortRange[];
  /** Ends the attempt; its reason is what `openOutgoing` rejects with. */
  readonly signal: AbortSignal;
}

/** Room for what the kernel does not take at once before Node says that it is full. */
const WRITE_MARK_BYTES = 1 << 20;

/**
 * Resolves with a socket whose handshakes are done and from which nothing was read. Rejects with
 * SERVER_UNREACHABLE, SERVER_TLS, the PROXY codes, USAGE when every local port is in use, or the
 * reason of the signal. Deadlines are the caller's, by the signal.
 */
export async function openOutgoing(options: OutgoingOptions): Promise<net.Socket> {
  const { proxy, secure, signal } = options;
  signal.throwIfAborted();
  const opened: net.Socket[] = [];
  const keep = <Socket extends net.Socket>(socket: Socket): Socket => {
    opened.push(socket);
    return socket;
  };
  const abort = (): void => {
    for (const socket of opened) socket.destroy();
  };
  signal.addEventListener('abort', abort);
  try {
    const carrier =
      proxy === null ? await reach(options, options, keep) : await pass(proxy, options, keep);
    if (!secure) return carrier;
    const names = options.tls?.serverName ?? options.host;
    return await secured(carrier, names, options.tls ?? {}, keep, (cause) =>
      tlsFault(`dial ${formatAddress(options)}`, 'SERVER_TLS', cause),
    );
  } catch (thrown) {
    abort();
    throw signal.aborted ? signal.reason : thrown;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

type Keep = <Socket extends net.Socket>(socket: Socket) => Socket;

/** A TCP connection. */
async function reach(
  to: HostPort,
  { localPorts, signal }: OutgoingOptions,
  keep: Keep,
): Promise<net.Socket> {
  for (const localPort of localPorts === undefined ? [undefined] : portsOf(localPorts)) {
    const socket = keep(
      net.connect({
        host: to.host,
        port: to.port,
        noDelay: true,
        writableHighWaterMark: WRITE_MARK_BYTES,
        ...(localPort !== undefined && { localPort }),
      } as net.NetConnectOpts),
    );
    try {
      await once(socket, 'connect', { signal });
      return socket;
    } catch (thrown) {
      const error = thrown as NodeJS.ErrnoException;
      // The second: another connection from this port goes to the same server, or did a minute ago.
      if (localPort !== undefined && /^EADDR(?:INUSE|NOTAVAIL)$/.test(error.code ?? '')) continue;
      throw unreachable(`dial ${formatAddress(to)}`, 'SERVER_UNREACHABLE', error);
    }
  }
  throw new SallyportError(
    'LISTEN_FAILED',
    `dial ${formatAddress(to)}: every port of client_ports is in use; give more of them`,
  );
}

/** A connection to the target that the proxy made. */
async function pass(
  proxy: OutgoingProxy,
  options: OutgoingOptions,
  keep: Keep,
): Promise<net.Socket> {
  const name = `proxy ${formatAddress(proxy)}`;
  const plain = await reach(proxy, options, keep).catch((thrown: SallyportError) => {
    if (thrown.code !== 'SERVER_UNREACHABLE') throw thrown;
    throw unreachable(name, 'PROXY_UNREACHABLE', thrown.cause as NodeJS.ErrnoException);
  });
  const { ca } = options.tls ?? {};
  const socket =
    proxy.kind === 'https'
      ? await secured(plain, proxy.host, ca === undefined ? {} : { ca }, keep, (cause) =>
          tlsFault(name, 'PROXY_TLS', cause),
        )
      : plain;
  const connect = proxy.kind === 'socks5' ? connectThroughSocks : connectThroughHttp;
  await connect(socket, proxy, options);
  return socket;
}

async function secured(
  carrier: net.Socket,
  name: string,
  { ca, cert, key }: OutgoingTls,
  keep: Keep,
  fault: (cause: Error | null) => SallyportError,
): Promise<tls.TLSSocket> {
  const socket = keep(
    tls.connect({
      socket: carrier,
      servername: net.isIP(name) === 0 ? name : '',
      host: name,
      ...(ca !== undefined && { ca: [...tls.rootCertificates, ca] }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    }),
  );
  const closed = new AbortController();
  const end = (): void => closed.abort();
  socket.once('close', end);
  try {
    await once(socket, 'secureConnect', { signal: closed.signal });
    return socket;
  } catch (thrown) {
    throw fault(closed.signal.aborted ? null : (thrown as Error));
  } finally {
    socket.off('close', end);
  }
}

function unreachable(
  what: string,
  code: 'SERVER_UNREACHABLE' | 'PROXY_UNREACHABLE',
  error: NodeJS.ErrnoException,
): SallyportError {
  const why = `${error.code ?? ''} ${error.message}`.trim();
  return new SallyportError(code, `${what}: ${why}`, { cause: error });
}

function tlsFault(
  what: string,
  code: 'SERVER_TLS' | 'PROXY_TLS',
  error: NodeJS.ErrnoException | null,
): SallyportError {
  const lost = error === null || /^(ECONN|EPIPE)/.test(error.code ?? '');
  const why =
    error === null
      ? 'it closed the connection during the TLS handshake'
      : `${error.code ?? ''} ${error.message}`.trim();
  const unreached = code === 'SERVER_TLS' ? 'SERVER_UNREACHABLE' : 'PROXY_UNREACHABLE';
  return new SallyportError(lost ? unreached : code, `${what}: ${why}`, { cause: error });
}

function* portsOf(ranges: readonly PortRange[]): Generator<number> {
  for (const { low, high } of ranges) for (let port = low; port <= high; port++) yield port;
}
