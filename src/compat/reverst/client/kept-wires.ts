/** Connections to a target that rest between two requests. */
import { REVERST_KEPT_WIRES_MAX, REVERST_KEPT_WIRE_MS } from '../../../limits.ts';
import type { Wire, WireReader } from '../../../net/wire.ts';

export class KeptWires {
  /** Those that have rested longest first, with the timer that ends each. */
  readonly #resting = new Map<Wire, NodeJS.Timeout>();
  #closed = false;

  /** The one that was used last, whose reader is this from now on; null: there is none. */
  take(reader: WireReader): Wire | null {
    const wire = Array.from(this.#resting.keys()).at(-1);
    if (wire === undefined) return null;
    this.#forget(wire);
    wire.socket.ref();
    wire.reader = reader;
    return wire;
  }

  /** Takes one over whose exchange is over, in order. */
  keep(wire: Wire): void {
    if (this.#closed || wire.destroyed || this.#resting.size >= REVERST_KEPT_WIRES_MAX) {
      wire.destroy();
      return;
    }
    // What a target says unasked belongs to no request.
    const end = (): void => wire.destroy();
    wire.reader = {
      read() {
        end();
        return true;
      },
      ended: end,
      closed: () => this.#forget(wire),
    };
    wire.socket.unref();
    this.#resting.set(wire, setTimeout(end, REVERST_KEPT_WIRE_MS).unref());
    wire.resume();
  }

  close(): void {
    this.#closed = true;
    for (const wire of Array.from(this.#resting.keys())) wire.destroy();
  }

  #forget(wire: Wire): void {
    clearTimeout(this.#resting.get(wire));
    this.#resting.delete(wire);
  }
}
