/**
 * A stream that is not open yet: it waits for a decision, or for an agent. To whoever opened it, it
 * is a stream like any other that takes no bytes for now; a refusal arrives as a reset.
 */
import { SallyportError } from '../errors.ts';
import { PENDING_BYTES_MAX, PENDING_HELD_MAX_BYTES } from '../limits.ts';
import type { Slab } from '../net/slab.ts';
import type { Stream, StreamEnd } from '../session/session.ts';
import type { UpstreamReceiver } from './upstream.ts';

/** What several streams hold together. */
export interface PendingHeld {
  bytes: number;
}

export class PendingStream implements Stream {
  readonly id = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  #receiver: UpstreamReceiver;
  #stream: Stream | null = null;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #all: PendingHeld;
  #ended = false;
  #over = false;

  constructor(receiver: UpstreamReceiver, all: PendingHeld = { bytes: 0 }) {
    this.#receiver = receiver;
    this.#all = all;
  }

  /** Opens the real stream and sends what waited. Throws what `open` throws: `refuse` is due then. */
  join(open: (receiver: UpstreamReceiver) => Stream): void {
    if (this.#over) return;
    const stream = open(this.#receiver);
    this.#stream = stream;
    stream.onOver = (end) => this.#leave(end);
    for (const bytes of this.#release()) stream.send(bytes);
    if (this.#ended) stream.end();
    else if (stream.writable && !stream.over) this.#receiver.drained();
  }

  /** The stream will not be opened. */
  refuse(error: SallyportError): void {
    if (this.#over) return;
    this.#leave(error);
    this.#receiver.reset(error);
  }

  #leave(end: StreamEnd): void {
    this.#over = true;
    this.#release();
    this.onOver?.(end);
  }

  /** What waited, which is held no more. */
  #release(): Buffer[] {
    const held = this.#held;
    this.#held = [];
    for (const { length } of held) this.#all.bytes -= length;
    return held;
  }

  get receiver(): UpstreamReceiver {
    return this.#stream?.receiver ?? this.#receiver;
  }

  set receiver(receiver: UpstreamReceiver) {
    this.#receiver = receiver;
    if (this.#stream !== null) this.#stream.receiver = receiver;
  }

  get over(): boolean {
    return this.#over;
  }

  get writable(): boolean {
    return this.#stream?.writable ?? false;
  }

  get bytesSent(): number {
    return this.#stream?.bytesSent ?? this.#heldBytes;
  }

  get bytesReceived(): number {
    return this.#stream?.bytesReceived ?? 0;
  }

  write(slab: Slab, start: number, end: number): void {
    if (this.#stream !== null) this.#stream.write(slab, start, end);
    else this.#hold(slab.bytes.subarray(start, end));
  }

  send(bytes: Buffer): void {
    if (this.#stream !== null) this.#stream.send(bytes);
    else this.#hold(bytes);
  }

  #hold(bytes: Buffer): void {
    if (this.#over || this.#ended) return;
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > PENDING_BYTES_MAX) {
      const why = `more than ${PENDING_BYTES_MAX} bytes wait`;
      return this.refuse(new SallyportError('SERVER_BUSY', `stream: ${why}`));
    }
    if (this.#all.bytes + bytes.length > PENDING_HELD_MAX_BYTES) {
      const why = `streams that wait hold ${PENDING_HELD_MAX_BYTES} bytes already`;
      return this.refuse(new SallyportError('SERVER_BUSY', `stream: ${why}`));
    }
    this.#all.bytes += bytes.length;
    this.#held.push(Buffer.from(bytes));
  }

  end(): void {
    this.#ended = true;
    this.#stream?.end();
  }

  reset(why?: SallyportError): void {
    if (this.#over) return;
    if (this.#stream === null) this.#leave(why ?? 'closed');
    else this.#stream.reset(why);
  }

  credit(n: number): void {
    this.#stream?.credit(n);
  }
}
