/** The end of a connection that the peer must not take for an orderly one. */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/**
 * Closes both ways at once; what was not sent is lost. A TCP peer reads a reset (RFC 9293, section
 * 3.10.7.4) instead of the end of the data, so that half a transfer never looks like a whole one.
 * TLS says the same by its missing close_notify; pipes and other streams have no such sign.
 */
export function breakOff(duplex: Duplex): void {
  if (isConnectedTcp(duplex)) duplex.resetAndDestroy();
  else duplex.destroy();
}

/** Told by the handle, which costs no system call: only that of a TCP socket can be reset. */
function isConnectedTcp(duplex: Duplex): duplex is net.Socket {
  if (!(duplex instanceof net.Socket) || duplex instanceof TLSSocket) return false;
  const { _handle: handle } = duplex as unknown as { _handle: { reset?: unknown } | null };
  return !duplex.connecting && !duplex.destroyed && typeof handle?.reset === 'function';
}
