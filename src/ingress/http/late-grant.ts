/** A connection that is taken over once it is known who sent its request, or refused then. */
import type { Slab } from '../../net/slab.ts';
import type { Wire, WireReader } from '../../net/wire.ts';
import { replyLate } from './late-reply.ts';
import type { OwnReply, Takeover } from './own-endpoints.ts';

/**
 * Keeps the connection until the promise settles. `grant` puts its own reader on the wire, or throws;
 * `refuse` makes the reply of what was thrown. Neither is called for a peer that has left. Whoever
 * makes the promise sees to it that it settles in time.
 */
export function grantLater<Known>(
  admitted: Promise<Known>,
  grant: (known: Known, wire: Wire, rest: Buffer) => void,
  refuse: (thrown: unknown) => OwnReply,
): Takeover {
  return (wire, rest) => {
    const hold = new WireHold(wire, rest);
    const settle = async (): Promise<void> => {
      try {
        const known = await admitted;
        if (!hold.gone) grant(known, wire, hold.early());
      } catch (thrown) {
        if (!hold.gone) replyLate(wire, refuse(thrown));
      }
      wire.resume();
    };
    void settle();
  };
}

/** Stands on the wire meanwhile, and reads no more than it has to. */
class WireHold implements WireReader {
  gone = false;
  #wire: Wire;
  #pieces: Buffer[];

  constructor(wire: Wire, rest: Buffer) {
    this.#wire = wire;
    this.#pieces = [rest];
    wire.reader = this;
  }

  early(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  read(slab: Slab, start: number, end: number): boolean {
    this.#pieces.push(Buffer.from(slab.bytes.subarray(start, end)));
    return false;
  }

  ended(): void {
    this.gone = true;
    this.#wire.destroy();
  }

  closed(): void {
    this.gone = true;
  }
}
