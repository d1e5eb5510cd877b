/** Keeps what a stream delivers until it is known who takes it. The window bounds what is kept. */
import { HEADROOM, Slab } from '../net/slab.ts';
import type { SallyportError } from '../errors.ts';
import type { Stream, StreamReceiver } from './session.ts';

export class HoldBack implements StreamReceiver {
  #stream: Stream;
  #kept: Buffer[] = [];
  #finished = false;
  #reset: SallyportError | null = null;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  data(slab: Slab, start: number, end: number): void {
    const bytes = Buffer.allocUnsafe(HEADROOM + end - start);
    slab.bytes.copy(bytes, HEADROOM, start, end);
    this.#kept.push(bytes);
  }

  finished(): void {
    this.#finished = true;
  }

  reset(error: SallyportError): void {
    this.#reset = error;
  }

  drained(): void {}

  /** Hands everything to `next`, which receives from now on. */
  release(next: StreamReceiver): void {
    this.#stream.receiver = next;
    for (const bytes of this.#kept) next.data(new Slab(bytes, null), HEADROOM, bytes.length);
    if (this.#reset !== null) next.reset(this.#reset);
    else if (this.#finished) next.finished();
  }
}
