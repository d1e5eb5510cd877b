/**
 * A stream under rates of bytes. To both of its ends it is the stream itself, only slower: its writer
 * finds it not writable, and its sender gets no credit for what is held back.
 */
import type { SallyportError } from '../errors.ts';
import { Slab } from '../net/slab.ts';
import { Lane } from './lane.ts';
import type { ByteRate } from './pace.ts';
import type { Stream, StreamEnd, StreamReceiver } from './session.ts';

/** What may be told of a stream before its first byte. */
interface PacedReceiver extends StreamReceiver {
  accepted?(): void;
}

/** Rates of both directions; an empty list leaves one alone. */
export interface StreamRates {
  /** From the opener to the other end. */
  readonly up: readonly ByteRate[];
  readonly down: readonly ByteRate[];
}

export class PacedStream implements Stream {
  receiver: PacedReceiver;
  onOver: ((end: StreamEnd) => void) | null = null;
  /** Receives from the stream that is opened; its opener gets this paced one. */
  readonly incoming: Incoming;
  readonly #up: Lane;
  #stream: Stream | null = null;
  #ended = false;
  #over = false;

  constructor(receiver: PacedReceiver, rates: StreamRates) {
    this.receiver = receiver;
    this.incoming = new Incoming(this, rates.down);
    this.#up = new Lane(rates.up, {
      pass: (slab, start, end) => this.#stream!.write(slab, start, end),
      cleared: () => this.#cleared(),
    });
  }

  /** Completes it with the stream that `incoming` receives from. */
  join(stream: Stream): this {
    this.#stream = stream;
    stream.onOver = (end) => this.#left(end);
    return this;
  }

  /** Bytes that have arrived are still delivered after an end in order. */
  #left(end: StreamEnd): void {
    if (end === 'ok' && this.incoming.holding) this.incoming.last = () => this.#leave(end);
    else this.#leave(end);
  }

  #leave(end: StreamEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#up.close();
    this.incoming.close();
    this.onOver?.(end);
  }

  #cleared(): void {
    if (this.#ended) this.#stream!.end();
    else if (this.#stream!.writable) this.receiver.drained();
  }

  get id(): number {
    return this.#stream!.id;
  }

  get over(): boolean {
    return this.#over;
  }

  get writable(): boolean {
    return this.#stream!.writable && !this.#up.holding;
  }

  get bytesSent(): number {
    return this.#stream!.bytesSent;
  }

  get bytesReceived(): number {
    return this.#stream!.bytesReceived;
  }

  write(slab: Slab, start: number, end: number): void {
    if (!this.#ended) this.#up.offer(slab, start, end);
  }

  send(bytes: Buffer): void {
    if (!this.#ended) this.#up.offer(new Slab(bytes, null), 0, bytes.length);
  }

  end(): void {
    if (this.#ended || this.#over) return;
    this.#ended = true;
    if (!this.#up.holding) this.#stream!.end();
  }

  reset(why?: SallyportError): void {
    if (this.#over) return;
    this.#stream!.reset(why);
    this.#leave(why ?? 'closed');
  }

  credit(n: number): void {
    this.#stream!.credit(n);
  }

  /** The other end takes bytes again. */
  drained(): void {
    if (!this.#up.holding) this.receiver.drained();
  }
}

/** The direction from the other end. */
class Incoming implements PacedReceiver {
  /** Called when what is held has been delivered. */
  last: (() => void) | null = null;
  readonly #paced: PacedStream;
  readonly #down: Lane;
  #finished = false;

  constructor(paced: PacedStream, rates: readonly ByteRate[]) {
    this.#paced = paced;
    this.#down = new Lane(rates, {
      pass: (slab, start, end) => paced.receiver.data(slab, start, end),
      cleared: () => this.#cleared(),
    });
  }

  get holding(): boolean {
    return this.#down.holding;
  }

  accepted(): void {
    this.#paced.receiver.accepted?.();
  }

  data(slab: Slab, start: number, end: number): void {
    this.#down.offer(slab, start, end);
  }

  finished(): void {
    if (this.holding) this.#finished = true;
    else this.#paced.receiver.finished();
  }

  #cleared(): void {
    if (this.#finished) this.#paced.receiver.finished();
    this.last?.();
  }

  reset(error: SallyportError): void {
    this.close();
    this.#paced.receiver.reset(error);
  }

  drained(): void {
    this.#paced.drained();
  }

  close(): void {
    this.#down.close();
  }
}
