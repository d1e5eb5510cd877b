/** A request that is granted, or refused, once it is known who sent it. */
import type { Identity } from '../../access/identity.ts';
import { refusalReply, replyLate } from '../../ingress/http/late-reply.ts';
import type { Takeover } from '../../ingress/http/own-endpoints.ts';
import type { Slab } from '../../net/slab.ts';
import type { Wire, WireReader } from '../../net/wire.ts';

/**
 * Keeps the connection until the promise settles. `grant` puts its own reader on the wire, or throws
 * what becomes the reply; it is not called for a peer that has left.
 */
export function grantLater(
  admitted: Promise<Identity | null>,
  challenge: string | null,
  grant: (identity: Identity | null, wire: Wire, rest: Buffer) => void,
): Takeover {
  return (wire, rest) => {
    const hold = new WireHold(wire, rest);
    const settle = async (): Promise<void> => {
      try {
        const identity = await admitted;
        if (!hold.gone) grant(identity, wire, hold.early());
      } catch (thrown) {
        if (!hold.gone) replyLate(wire, refusalReply(thrown, challenge));
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
