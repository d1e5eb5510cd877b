/** From a stream to a socket: one write, and the peer is credited once the kernel has the bytes. */
import { PIN_MIN_BYTES } from '../limits.ts';
import type { Slab } from '../net/slab.ts';
import type { Wire } from '../net/wire.ts';
import type { Stream } from './session.ts';

/**
 * Writes received bytes to the wire. What the kernel does not take at once is kept: copied when it
 * is small or in the shared slab, else by holding the slab. The stream's window is the back-pressure:
 * its credit comes when the bytes have left.
 */
export function deliver(wire: Wire, stream: Stream, slab: Slab, start: number, end: number): void {
  const n = end - start;
  const bytes = slab.bytes.subarray(start, end);
  const copy = slab.shared || (n < PIN_MIN_BYTES && wire.backlog > 0);
  if (wire.write(copy ? Buffer.from(bytes) : bytes)) {
    stream.credit(n);
    return;
  }
  if (!copy) slab.retain();
  wire.afterWrites(() => {
    if (!copy) slab.release();
    stream.credit(n);
  });
}
