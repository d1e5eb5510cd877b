/**
 * Slabs: the reusable buffers that all fast reads go into.
 *
 * A payload is read at an offset, so that the layers below can put their headers in front of it and
 * send header and payload with one write and no copy.
 */
import { QUIET_READ_BYTES, SLABS_IDLE_MAX_BYTES, SLABS_OUT_MAX_BYTES } from '../limits.ts';

/** Free bytes in front of a payload: 14 (WebSocket) + 12 (yamux), rounded up. Unit: bytes. */
export const HEADROOM = 32;

/**
 * A buffer with a count of its holders. Whoever wants the bytes beyond the call that delivered them
 * calls `retain()` and later `release()`; the last release gives the slab back to its pool.
 */
export class Slab {
  readonly bytes: Buffer;
  /** Where reads go: everything behind the headroom. */
  readonly room: Buffer;
  readonly pool: SlabPool | null;
  refs = 0;

  constructor(bytes: Buffer, pool: SlabPool | null) {
    this.bytes = bytes;
    this.room = bytes.subarray(HEADROOM);
    this.pool = pool;
  }

  /** True for the one buffer that all quiet sockets share: its bytes must be copied, never retained. */
  get shared(): boolean {
    return this.pool === null;
  }

  retain(): void {
    this.refs++;
  }

  release(): void {
    if (--this.refs === 0) this.pool!.giveBack(this);
  }
}

/** Slabs with room for `size` bytes each. Bounded: when too many are out, `take` refuses and sockets go on with small reads. */
export class SlabPool {
  readonly size: number;
  #free: Slab[] = [];
  #out = 0;

  constructor(size: number) {
    this.size = size;
  }

  /** A slab with one reference, or null when the bound is reached. */
  tryTake(): Slab | null {
    if (this.#out * this.size >= SLABS_OUT_MAX_BYTES) return null;
    return this.take();
  }

  /** A slab with one reference, whatever the bound says: for bytes that must go somewhere. */
  take(): Slab {
    this.#out++;
    const slab = this.#free.pop() ?? new Slab(Buffer.allocUnsafeSlow(HEADROOM + this.size), this);
    slab.refs = 1;
    return slab;
  }

  /** Half of what may be out is out: slabs are for reading now, and nothing waits in them. */
  get scarce(): boolean {
    return this.#out * this.size >= SLABS_OUT_MAX_BYTES / 2;
  }

  giveBack(slab: Slab): void {
    this.#out--;
    if (this.#free.length * this.size < SLABS_IDLE_MAX_BYTES) this.#free.push(slab);
  }

  get out(): number {
    return this.#out;
  }
}

/** The one read buffer of all quiet sockets: reads are synchronous, and its bytes are copied out at once. */
export const quietSlab = new Slab(Buffer.allocUnsafeSlow(HEADROOM + QUIET_READ_BYTES), null);
