/** From a stream to a socket: one write, and the peer is credited once the kernel has the bytes. */
import { COPY_SLAB_BYTES, SMALL_COPY_BYTES } from '../limits.ts';
import { HEADROOM, SlabPool, type Slab } from '../net/slab.ts';
import type { Wire } from '../net/wire.ts';
import type { Stream } from './session.ts';

/** Is told when bytes have left. */
export type Credited = Pick<Stream, 'credit'>;

/** Copies live in slabs too: as garbage they would add up to far more than what is waiting. */
const copySlabs = COPY_SLAB_BYTES.map((size) => new SlabPool(size));
const COPY_MAX_BYTES = Math.max(...COPY_SLAB_BYTES);

/** Slabs of copies that have not left, in all sessions of this process. */
export function copiesOut(): number {
  return copySlabs.reduce((out, pool) => out + pool.out, 0);
}

/**
 * Writes received bytes to the wire. What the kernel does not take at once is kept: copied when it
 * is small or in the shared slab, else by holding the slab. The stream's window is the back-pressure:
 * its credit comes when the bytes have left.
 */
export function deliver(
  wire: Wire,
  stream: Credited,
  slab: Slab,
  start: number,
  end: number,
): void {
  const n = end - start;
  const bytes = slab.bytes.subarray(start, end);
  const copy = slab.shared || (n <= COPY_MAX_BYTES && wire.backlog > 0);
  if (!copy) {
    slab.retain();
    deliverHeld(wire, stream, slab, bytes);
    return;
  }
  if (n <= SMALL_COPY_BYTES) {
    if (wire.write(Buffer.from(bytes))) stream.credit(n);
    else wire.afterWrites(() => stream.credit(n));
    return;
  }
  const held = copySlabs.find(({ size }) => n <= size)!.take();
  bytes.copy(held.bytes, HEADROOM);
  deliverHeld(wire, stream, held, held.bytes.subarray(HEADROOM, HEADROOM + n));
}

/** Writes bytes of a slab that is held for them, and lets go of it when they have left. */
function deliverHeld(wire: Wire, stream: Credited, held: Slab, bytes: Buffer): void {
  const n = bytes.length;
  if (wire.write(bytes)) {
    held.release();
    stream.credit(n);
    return;
  }
  wire.afterWrites(() => {
    held.release();
    stream.credit(n);
  });
}
