/**
 * A stream that is not open yet: it waits for a decision, or for an agent. To whoever opened it, it
 * is a stream like any other that takes no bytes for now; a refusal arrives as a reset.
 */
import { SallyportError } from '../errors.ts';
import { PENDING_BYTES_MAX } from '../limits.ts';
import type { Slab } from '../net/slab.ts';
import type { Stream, StreamEnd } from '../session/session.ts';
import type { UpstreamReceiver } from './upstream.ts';

export class PendingStream implements Stream {
  readonly id = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  #receiver: UpstreamReceiver;
  #stream: Stream | null = null;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #ended = false;
  #over = false;

  constructor(receiver: UpstreamReceiver) {
    this.#receiver = receiver;
  }

  /** Opens the real stream and sends what waited. Throws what `open` throws: `refuse` is due then. */
  join(open: (receiver: UpstreamReceiver) => Stream): void {
    if (this.#over) return;
    const stream = open(this.#receiver);
    this.#stream = stream;
    stream.onOver = (end) => this.#leave(end);
    for (const bytes of this.#held.splice(0)) stream.send(bytes);
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
    this.#held = [];
    this.onOver?.(end);
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
    if (this.#heldBytes <= PENDING_BYTES_MAX) this.#held.push(Buffer.from(bytes));
    else
      this.refuse(
        new SallyportError('SERVER_BUSY', `stream: more than ${PENDING_BYTES_MAX} bytes wait`),
      );
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
