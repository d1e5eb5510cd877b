/** A client connection after its target switched protocols: bytes, both ways. */
import { SallyportError } from '../../errors.ts';
import { UPGRADE } from '../../http1/field-kinds.ts';
import { responseRefusals as refusals } from '../../http1/refusals.ts';
import type { ResponseHead } from '../../http1/response-head.ts';
import type { Wire } from '../../net/wire.ts';
import type { Stream } from '../../session/session.ts';
import { Splice, type SpliceEnd } from '../../session/splice.ts';
import type { Exchange } from './exchange.ts';
import type { HttpShared, Served } from './ingress-options.ts';

export class Upgraded implements SpliceEnd, Served {
  readonly active = true;
  readonly deadline = Infinity;
  earlier: Served | null = null;
  later: Served | null = null;
  readonly splice: Splice;
  readonly #shared: HttpShared;
  readonly #wire: Wire;
  readonly #exchange: Exchange;

  /** Takes over both ends. The exchange is logged when the last of them is gone. */
  constructor(shared: HttpShared, wire: Wire, stream: Stream, exchange: Exchange) {
    this.#shared = shared;
    this.#wire = wire;
    this.#exchange = exchange;
    this.splice = new Splice(wire, this).join(stream);
    wire.reader = this.splice;
    stream.receiver = this.splice;
    shared.served.add(this);
  }

  spliced(splice: Splice, error: Error | null): void {
    this.#shared.served.delete(this);
    const exchange = this.#exchange;
    exchange.bytesUp += splice.bytesOut;
    exchange.bytesDown += splice.bytesIn;
    if (error instanceof SallyportError) exchange.explain(error);
    const broken = error instanceof SallyportError ? error.code : 'closed';
    const outcome = error === null ? 'ok' : broken;
    exchange.log(outcome, performance.now());
  }

  expired(): void {}

  drain(): void {}

  destroy(): void {
    this.#wire.destroy();
  }
}

/** Throws RESPONSE_INVALID unless this 101 answers a whole request that asked for it. */
export function expectSwitch({ connection, fields }: ResponseHead, exchange: Exchange): void {
  const named = connection.upgrade && fields.has(UPGRADE);
  if (!exchange.upgrade || !exchange.whole || !named) {
    throw refusals.invalid('it switches protocols unasked, too early, or does not say to which');
  }
}
