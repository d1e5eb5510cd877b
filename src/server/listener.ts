/** The server's one port: plain, or TLS with a certificate that may change while it listens. */
import net from 'node:net';
import tls from 'node:tls';
import { SallyportError } from '../errors.ts';
import { HANDSHAKE_TIMEOUT_MS, LISTEN_BACKLOG, TCP_KEEPALIVE_MS } from '../limits.ts';
import { formatAddress, type HostPort } from '../net/address.ts';
import type { Certificate } from './certificate.ts';

export interface ListenerOptions {
  listen: HostPort;
  /** Null: plain. */
  certificate: Certificate | null;
  /** A connection, not read from yet. For TLS its handshake is done. */
  connection(socket: net.Socket, secure: boolean): void;
  /** A TLS handshake failed. */
  handshakeFailed(error: Error, peer: string): void;
}

export interface Listener {
  /** With the port that was picked. */
  readonly address: HostPort;
  /** Uses another certificate for connections made from now on. */
  useCertificate(certificate: Certificate): void;
  /** Stops listening; open connections go on. */
  close(): void;
}

const socketOptions = {
  pauseOnConnect: true,
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: TCP_KEEPALIVE_MS,
};

const tlsOptions = { minVersion: 'TLSv1.2' } as const;

/** Rejects with LISTEN_FAILED. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const { listen, certificate, connection } = options;
  const secure = certificate === null ? null : secureServer(certificate, options);
  const server = secure ?? net.createServer(socketOptions);
  server.on(secure === null ? 'connection' : 'secureConnection', (socket: net.Socket) =>
    connection(socket, secure !== null),
  );
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ ...listen, backlog: LISTEN_BACKLOG }, resolve);
  try {
    await promise;
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new SallyportError(
      'LISTEN_FAILED',
      `server: cannot listen on ${formatAddress(listen)}: ${why}`,
      { cause },
    );
  }
  const { port } = server.address() as net.AddressInfo;
  return {
    address: { host: listen.host, port },
    useCertificate: (next) => secure?.setSecureContext({ ...next, ...tlsOptions }),
    close: () => void server.close(),
  };
}

function secureServer(certificate: Certificate, options: ListenerOptions): tls.Server {
  const server = tls.createServer({
    ...socketOptions,
    ...tlsOptions,
    ...certificate,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    ALPNProtocols: ['http/1.1'],
  });
  server.on('tlsClientError', (error, socket) =>
    options.handshakeFailed(error, socket.remoteAddress ?? ''),
  );
  return server;
}
