/**
 * The end of a client connection: nothing more is sent, and what still comes is thrown away for a
 * while. Closing at once would reset the connection, and a reset can overtake the last response.
 */
import { HTTP_LINGER_BYTES } from '../../limits.ts';
import type { Slab } from '../../net/slab.ts';
import type { Wire, WireReader } from '../../net/wire.ts';
import type { HttpShared, Served } from './ingress-options.ts';

/** Takes the wire over and ends it. The time begins when all that was written has left. */
export function linger(shared: HttpShared, wire: Wire): void {
  const reader = new Linger(shared, wire);
  wire.reader = reader;
  reader.start();
}

class Linger implements WireReader, Served {
  deadline = Infinity;
  earlier: Served | null = null;
  later: Served | null = null;
  readonly active = false;
  readonly #shared: HttpShared;
  readonly #wire: Wire;
  #left = HTTP_LINGER_BYTES;

  constructor(shared: HttpShared, wire: Wire) {
    this.#shared = shared;
    this.#wire = wire;
  }

  start(): void {
    const wire = this.#wire;
    this.#shared.served.add(this);
    if (wire.backlog === 0) this.#begin();
    else wire.afterWrites(() => this.#begin());
    wire.end();
  }

  #begin(): void {
    this.deadline = this.#shared.served.now + this.#shared.timeouts.linger;
  }

  read(_slab: Slab, start: number, end: number): boolean {
    this.#left -= end - start;
    if (this.#left < 0) this.destroy();
    return true;
  }

  ended(): void {}

  closed(): void {
    this.#shared.served.delete(this);
  }

  expired(): void {
    this.destroy();
  }

  drain(): void {}

  destroy(): void {
    this.deadline = Infinity;
    this.#wire.destroy();
  }
}
