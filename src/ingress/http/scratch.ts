/** Where response heads are written, with the first bytes of their bodies: one write, no buffer each. */
import { HTTP_HEAD_MAX_BYTES } from '../../limits.ts';
import type { Slab } from '../../net/slab.ts';
import type { Wire } from '../../net/wire.ts';
import type { Stream } from '../../session/session.ts';

/** Body bytes that are worth copying behind a head to save a system call. */
const BODY_BYTES = 16 * 1024;
const SIZE = 2 * HTTP_HEAD_MAX_BYTES + BODY_BYTES;

export class ResponseScratch {
  /** Free to write to until `send`. */
  bytes = Buffer.allocUnsafeSlow(SIZE);

  /**
   * Sends the head that was written to the first `length` bytes, and behind it as many of the body's
   * bytes `[start, end)` as are worth it: answers where the rest begins. The stream is credited for
   * these and for `others`, once the kernel has all of it.
   */
  send(
    wire: Wire,
    length: number,
    stream: Stream,
    slab: Slab,
    start: number,
    end: number,
    others: number,
  ): number {
    const taken = Math.min(end - start, BODY_BYTES);
    if (taken > 0) slab.bytes.copy(this.bytes, length, start, start + taken);
    const credit = taken + others;
    if (wire.write(this.bytes.subarray(0, length + taken))) stream.credit(credit);
    else {
      // These bytes are in use until they have left; others write elsewhere.
      this.bytes = Buffer.allocUnsafeSlow(SIZE);
      wire.afterWrites(() => stream.credit(credit));
    }
    return start + taken;
  }
}
