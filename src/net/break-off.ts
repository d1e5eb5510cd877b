/** The end of a connection that the peer must not take for an orderly one. */
import type { Duplex } from 'node:stream';
import { isPlainTcp } from './tcp-handle.ts';

/**
 * Closes both ways at once; what was not sent is lost. A TCP peer reads a reset (RFC 9293, section
 * 3.10.7.4) instead of the end of the data, so that half a transfer never looks like a whole one.
 * TLS says the same by its missing close_notify; pipes and other streams have no such sign.
 */
export function breakOff(duplex: Duplex): void {
  if (isPlainTcp(duplex) && !duplex.connecting && !duplex.destroyed) duplex.resetAndDestroy();
  else duplex.destroy();
}
