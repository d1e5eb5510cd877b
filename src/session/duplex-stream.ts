/**
 * A stream whose other end is in this process: bytes for the stream come out of a duplex, and what is
 * written to that duplex is what the stream receives. For servers that take a duplex as a connection.
 */
import type { Duplex } from 'node:stream';
import { SallyportError } from '../errors.ts';
import { DUPLEX_WINDOW_BYTES, LOCAL_SLAB_BYTES } from '../limits.ts';
import { serveDuplex } from '../net/served-duplex.ts';
import { SlabPool, type Slab } from '../net/slab.ts';
import { Wire, type WireReader } from '../net/wire.ts';
import type { Stream, StreamEnd, StreamReceiver } from './session.ts';

const slabs = new SlabPool(LOCAL_SLAB_BYTES);

export class DuplexStream implements Stream, WireReader {
  readonly id = 0;
  receiver: StreamReceiver;
  bytesSent = 0;
  bytesReceived = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  #wire: Wire;
  /** Delivered and not yet credited. */
  #owed = 0;
  #full = false;
  #ended = false;
  #finished = false;
  #over = false;

  /** Gives the far end to `serve`, which owns it from then on. */
  constructor(receiver: StreamReceiver, serve: (far: Duplex) => void) {
    this.receiver = receiver;
    this.#wire = Wire.fromEvents(serveDuplex(serve), slabs, this);
  }

  // ---- Sending ----

  get over(): boolean {
    return this.#over;
  }

  get writable(): boolean {
    return !this.#full;
  }

  write(slab: Slab, start: number, end: number): void {
    this.send(slab.bytes.subarray(start, end));
  }

  send(bytes: Buffer): void {
    if (this.#over || this.#ended) return;
    this.bytesSent += bytes.length;
    this.#wire.write(Buffer.from(bytes));
    if (this.#full || this.#wire.backlog < DUPLEX_WINDOW_BYTES) return;
    this.#full = true;
    this.#wire.afterWrites(() => this.#drained());
  }

  #drained(): void {
    this.#full = false;
    if (!this.#over) this.receiver.drained();
  }

  end(): void {
    if (this.#over || this.#ended) return;
    this.#ended = true;
    this.#wire.end();
    if (this.#finished) this.#leave('ok');
  }

  reset(why?: SallyportError): void {
    if (this.#over) return;
    this.#leave(why ?? 'closed');
    this.#wire.destroy();
  }

  #leave(end: StreamEnd): void {
    this.#over = true;
    this.onOver?.(end);
  }

  // ---- Receiving ----

  credit(n: number): void {
    this.#owed -= n;
    if (this.#owed < DUPLEX_WINDOW_BYTES) this.#wire.resume();
  }

  read(slab: Slab, start: number, end: number): boolean {
    if (this.#over) return true;
    this.bytesReceived += end - start;
    this.#owed += end - start;
    this.receiver.data(slab, start, end);
    return this.#owed < DUPLEX_WINDOW_BYTES;
  }

  ended(): void {
    if (this.#over) return;
    this.#finished = true;
    if (this.#ended) this.#leave('ok');
    this.receiver.finished();
  }

  closed(error: Error | null): void {
    if (this.#over) return;
    const why = error === null ? 'it was closed' : error.message;
    const broken = new SallyportError('STREAM_RESET', `stream: ${why}`, { cause: error });
    this.#leave(broken);
    this.receiver.reset(broken);
  }
}
