/** The server's one port: plain, or TLS with a certificate that may change while it listens. */
import { constants } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { HANDSHAKE_TIMEOUT_MS } from '../limits.ts';
import { parseDialAddress, type HostPort } from '../net/address.ts';
import type { ConnectionCount } from '../net/connection-count.ts';
import { acceptOptions, startListening } from '../net/listen.ts';
import { readProxyHeader } from '../net/socket-preface.ts';
import type { Certificate } from './certificate.ts';

export interface ListenerOptions {
  listen: HostPort;
  /** Further addresses of the same server. */
  alsoListen?: readonly HostPort[];
  /** Refuses what is too much. Absent: there is no limit. */
  connections?: ConnectionCount;
  /** Null: plain. */
  certificate: Certificate | null;
  /** Whether connections of this peer begin with a PROXY header; then they must. Null: none do. */
  proxyProtocolFrom: ((ip: string) => boolean) | null;
  /** A connection, not read from yet; for TLS its handshake is done. `peer`: whom it is for, by its PROXY header. */
  connection(socket: net.Socket, secure: boolean, peer: HostPort | null): void;
  /** A connection that did not get as far as that. */
  failed(error: Error, peer: string): void;
}

export interface Listener {
  /** With the port that was picked. */
  readonly address: HostPort;
  /** Uses another certificate for connections made from now on. */
  useCertificate(certificate: Certificate): void;
  /** Stops listening; open connections go on. */
  close(): void;
}

/** Resumed sessions are not verified anew: with certificates of clients each handshake is a whole one. */
function contextOptions(certificate: Certificate): tls.SecureContextOptions {
  const secureOptions =
    certificate.ca === undefined ? {} : { secureOptions: constants.SSL_OP_NO_TICKET };
  return { minVersion: 'TLSv1.2', ...certificate, ...secureOptions };
}

/** Rejects with LISTEN_FAILED. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const { listen, certificate, proxyProtocolFrom, connection, failed } = options;
  /** By the address of the proxy's own end, which the TLS socket has too: whom a connection is for. */
  const proxied = new Map<string, HostPort>();
  const secure = certificate === null ? null : createSecureServer(certificate, options, proxied);
  const accept = (socket: net.Socket): void => {
    if (options.connections?.admit(socket) === false) return;
    if (proxyProtocolFrom?.(socket.remoteAddress ?? '')) void acceptProxied(socket);
    else pass(socket, null);
  };

  function pass(socket: net.Socket, peer: HostPort | null): void {
    if (secure === null) connection(socket, false, peer);
    else secure.emit('connection', socket);
  }

  async function acceptProxied(socket: net.Socket): Promise<void> {
    const end = endOf(socket);
    try {
      const { endpoints } = await readProxyHeader(socket);
      const peer = endpoints === null ? null : parseDialAddress(endpoints.source);
      if (peer !== null && secure !== null) {
        proxied.set(end, peer);
        socket.once('close', () => proxied.delete(end));
      }
      pass(socket, peer);
    } catch (thrown) {
      socket.destroy();
      failed(thrown as Error, end);
    }
  }

  const servers: net.Server[] = [];
  const close = (): void => servers.forEach((server) => void server.close());

  async function start(at: HostPort): Promise<number> {
    const server = net.createServer(acceptOptions, accept);
    const port = await startListening(server, at, 'server');
    // A connection that could not be accepted, as when descriptors ran out, is no reason to stop.
    server.on('error', (error) => failed(error, '-'));
    servers.push(server);
    return port;
  }

  const port = await start(listen);
  try {
    for (const at of options.alsoListen ?? []) await start(at);
  } catch (thrown) {
    close();
    throw thrown;
  }
  return {
    address: { host: listen.host, port },
    useCertificate: (next) => secure?.setSecureContext(contextOptions(next)),
    close,
  };
}

/** Does the handshakes; it does not listen itself. */
function createSecureServer(
  certificate: Certificate,
  options: ListenerOptions,
  proxied: ReadonlyMap<string, HostPort>,
): tls.Server {
  const server = tls.createServer({
    ...acceptOptions,
    ...contextOptions(certificate),
    requestCert: certificate.ca !== undefined,
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    ALPNProtocols: ['http/1.1'],
  });
  server.on('secureConnection', (socket) =>
    options.connection(socket, true, proxied.get(endOf(socket)) ?? null),
  );
  server.on('tlsClientError', (error, socket) => {
    options.failed(error, endOf(socket));
    // Node leaves it open where the handshake took too long.
    socket.destroy();
  });
  return server;
}

function endOf(socket: net.Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
