/**
 * A link over a plain socket of the same machine: its bytes in pieces, each behind its length (4
 * bytes). A length of 0 is the end, with its reason behind it, and nothing follows that.
 */
import { SallyportError } from '../errors.ts';
import type { Slab } from '../net/slab.ts';
import type { Wire, WireReader } from '../net/wire.ts';
import { closeReason, namedError } from './close-reason.ts';
import type { Link, LinkReceiver } from './link.ts';

const HEADER_BYTES = 4;
/** The reason of an end: a longer one is cut. */
const REASON_MAX_BYTES = 1_024;

export class PlainLink implements Link, WireReader {
  #wire: Wire;
  #receiver: LinkReceiver | null = null;
  #closed = false;
  #length = 0;
  #lengthBytes = 0;
  #remaining = 0;
  /** The reason of the peer's end, while it comes. */
  #reason: Buffer[] | null = null;
  #reasonBytes = 0;

  /** Takes the wire over. */
  constructor(wire: Wire) {
    this.#wire = wire;
  }

  get backlog(): number {
    return this.#wire.backlog;
  }

  receive(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    this.#wire.reader = this;
    this.#wire.resume();
  }

  send(bytes: Buffer, start: number, end: number): boolean {
    if (this.#closed || start === end) return true;
    bytes.writeUInt32BE(end - start, start - HEADER_BYTES);
    return this.#wire.write(bytes.subarray(start - HEADER_BYTES, end));
  }

  sendPair(head: Buffer, start: number, end: number, body: Buffer): boolean {
    if (this.#closed || end - start + body.length === 0) return true;
    head.writeUInt32BE(end - start + body.length, start - HEADER_BYTES);
    return this.#wire.writePair(head.subarray(start - HEADER_BYTES, end), body);
  }

  afterSends(done: () => void): void {
    this.#wire.afterWrites(done);
  }

  close(error: SallyportError | null): void {
    if (this.#closed) return;
    const reason = Buffer.from(error === null ? '' : closeReason(error));
    this.#wire.write(
      Buffer.concat([Buffer.alloc(HEADER_BYTES), reason.subarray(0, REASON_MAX_BYTES)]),
    );
    this.#finish(error);
    this.#wire.endAndDestroy();
  }

  // ---- Reading: WireReader ----

  read(slab: Slab, start: number, end: number): boolean {
    let at = start;
    while (at < end && !this.#closed) {
      if (this.#reason !== null) {
        this.#keepReason(slab, at, end);
        return true;
      }
      at = this.#remaining > 0 ? this.#pass(slab, at, end) : this.#header(slab, at, end);
    }
    return true;
  }

  #header(slab: Slab, start: number, end: number): number {
    let at = start;
    while (at < end) {
      this.#length = this.#length * 256 + slab.bytes[at++];
      if (++this.#lengthBytes < HEADER_BYTES) continue;
      if (this.#length === 0) this.#reason = [];
      this.#remaining = this.#length;
      this.#length = 0;
      this.#lengthBytes = 0;
      return at;
    }
    return at;
  }

  #pass(slab: Slab, start: number, end: number): number {
    const stop = Math.min(end, start + this.#remaining);
    this.#remaining -= stop - start;
    this.#receiver!.bytes(slab, start, stop);
    if (this.#remaining === 0) this.#receiver!.messageEnded?.();
    return stop;
  }

  #keepReason(slab: Slab, start: number, end: number): void {
    this.#reasonBytes += end - start;
    if (this.#reasonBytes <= REASON_MAX_BYTES)
      this.#reason!.push(Buffer.from(slab.bytes.subarray(start, end)));
  }

  ended(): void {
    this.#finish(
      this.#reason === null
        ? new SallyportError('LINK_LOST', 'link: the peer closed the connection')
        : this.#told(this.#reason),
    );
    this.#wire.endAndDestroy();
  }

  /** Null for an end in order, else the error that the peer named. */
  #told(reason: Buffer[]): SallyportError | null {
    const text = Buffer.concat(reason).toString();
    return text === '' ? null : namedError(text, 'no reason');
  }

  closed(error: Error | null): void {
    const why = error === null ? 'the connection closed' : error.message;
    this.#finish(
      this.#reason === null
        ? new SallyportError('LINK_LOST', `link: ${why}`, { cause: error })
        : this.#told(this.#reason),
    );
  }

  #finish(error: SallyportError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#receiver?.closed(error);
  }
}
