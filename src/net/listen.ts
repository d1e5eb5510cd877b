/** Listening for connections that become wires. */
import type net from 'node:net';
import { SallyportError } from '../errors.ts';
import { LISTEN_BACKLOG, TCP_KEEPALIVE_MS } from '../limits.ts';
import { formatAddress, type HostPort } from './address.ts';

/** How all our servers accept: unread, open in both directions, probed after long silence. */
export const acceptOptions = {
  pauseOnConnect: true,
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: TCP_KEEPALIVE_MS,
} as const;

/**
 * Resolves with the port once the server listens; port 0 picks one. Rejects with
 * LISTEN_FAILED, whose cause is the system's error; `what` names the listener in the message. An error after that, as when descriptors
 * run out, is a connection that could not be accepted: the server's owner listens for it.
 */
export async function startListening(
  server: net.Server,
  listen: HostPort,
  what: string,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ ...listen, backlog: LISTEN_BACKLOG, exclusive: true }, resolve);
  await promise.catch((cause: NodeJS.ErrnoException) => {
    const why =
      cause.code === 'EADDRINUSE'
        ? 'another program listens there'
        : `cannot listen: ${cause.code}`;
    throw new SallyportError('LISTEN_FAILED', `${what} ${formatAddress(listen)}: ${why}`, {
      cause,
    });
  });
  server.off('error', reject);
  return (server.address() as net.AddressInfo).port;
}
