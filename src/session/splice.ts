/**
 * Joins a socket and a stream, both ways, until both directions have ended. Half-closes are passed
 * on; a break on one side breaks the other.
 */
import type { SallyportError } from '../errors.ts';
import { breakOff } from '../net/break-off.ts';
import type { Slab } from '../net/slab.ts';
import type { Wire, WireReader } from '../net/wire.ts';
import { deliver } from './deliver.ts';
import type { Stream, StreamReceiver } from './session.ts';

/** Told once, when the socket and the stream are both gone. */
export interface SpliceEnd {
  /** `error`: what broke it off; null when both directions ended in order. */
  spliced(splice: Splice, error: Error | null): void;
}

export class Splice implements WireReader, StreamReceiver {
  /** Bytes from the socket to the stream. */
  bytesOut = 0;
  /** Bytes from the stream to the socket. */
  bytesIn = 0;
  #wire: Wire;
  #stream: Stream | null = null;
  #end: SpliceEnd;
  #socketEnded = false;
  #streamEnded = false;
  #error: Error | null = null;

  /** What broke it off so far: the stream's error, or any other one for the socket's. */
  get error(): Error | null {
    return this.#error;
  }

  /**
   * The caller makes this the reader of the wire; the stream, which it opens or accepts with this as
   * the receiver, comes by `join` in the same turn.
   */
  constructor(wire: Wire, end: SpliceEnd) {
    this.#wire = wire;
    this.#end = end;
  }

  join(stream: Stream): this {
    this.#stream = stream;
    return this;
  }

  // ---- Socket to stream ----

  read(slab: Slab, start: number, end: number): boolean {
    this.bytesOut += end - start;
    this.#stream!.write(slab, start, end);
    return this.#stream!.writable;
  }

  drained(): void {
    this.#wire.resume();
  }

  ended(): void {
    this.#socketEnded = true;
    this.#stream!.end();
  }

  closed(error: Error | null): void {
    this.#error ??= error;
    const whole = this.#socketEnded && this.#streamEnded && this.#error === null;
    if (!whole) {
      this.#error ??= new Error('the socket closed before its end');
      this.#stream?.reset();
    }
    this.#end.spliced(this, this.#error);
  }

  // ---- Stream to socket ----

  data(slab: Slab, start: number, end: number): void {
    this.bytesIn += end - start;
    if (this.#wire.destroyed) return;
    deliver(this.#wire, this.#stream!, slab, start, end);
  }

  finished(): void {
    this.#streamEnded = true;
    this.#wire.end();
  }

  /** Also how the caller ends a splice whose stream was refused when it was opened. */
  reset(error: SallyportError): void {
    this.#error ??= error;
    breakOff(this.#wire.socket);
  }
}
