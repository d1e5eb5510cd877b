/** What kind of handle a socket stands on, told without a system call. */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** A plain TCP socket, which alone can be reset: neither TLS, nor a Unix socket, nor another stream. */
export function isPlainTcp(duplex: Duplex): duplex is net.Socket {
  return handleOf(duplex)?.reset !== undefined;
}

/** A Unix socket or a pipe. */
export function isPipe(duplex: Duplex): boolean {
  const handle = handleOf(duplex);
  return handle !== null && handle.reset === undefined;
}

/** The handle of a plain socket; null for TLS, other streams and closed sockets. */
function handleOf(duplex: Duplex): { reset?: unknown } | null {
  if (!(duplex instanceof net.Socket) || duplex instanceof TLSSocket) return null;
  return (duplex as unknown as { _handle: { reset?: unknown } | null })._handle;
}
