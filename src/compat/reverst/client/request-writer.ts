/** Passes a request on to its target while it arrives. */
import { REVERST_BODY_WAIT_MS } from '../../../limits.ts';
import type { Wire } from '../../../net/wire.ts';
import type { Field } from '../http3/field.ts';
import type { RequestHead } from '../http3/heads.ts';
import type { ServedExchange } from '../http3/request-stream.ts';
import { chunk, lastChunk, requestLines } from './request-lines.ts';

export class RequestWriter {
  bytes = 0;
  readonly #exchange: Pick<ServedExchange, 'credit'>;
  readonly #head: RequestHead;
  readonly #peer: string;
  readonly #wire: Wire;
  /** Of a request that has not said whether it has a body. */
  #waiting: NodeJS.Timeout | null = null;
  #begun = false;
  #chunked = false;
  #over = false;

  constructor(
    exchange: Pick<ServedExchange, 'credit'>,
    head: RequestHead,
    peer: string,
    wire: Wire,
  ) {
    this.#exchange = exchange;
    this.#head = head;
    this.#peer = peer;
    this.#wire = wire;
    // Nothing says that there is no body but the end of the stream, which comes along, mostly.
    if (head.contentLength !== null) this.#begin(head.contentLength);
    else this.#waiting = setTimeout(() => this.#begin(null), REVERST_BODY_WAIT_MS);
  }

  body(bytes: Buffer): void {
    const { length } = bytes;
    const credit = (): void => this.#exchange.credit(length);
    if (this.#over) return credit();
    this.#begin(null);
    this.bytes += length;
    if (this.#wire.write(this.#chunked ? chunk(bytes) : Buffer.from(bytes))) credit();
    else this.#wire.afterWrites(credit);
  }

  ended(trailers: readonly Field[]): void {
    if (this.#over) return;
    if (trailers.length === 0) this.#begin(0);
    else this.#begin(null);
    if (this.#chunked) this.#wire.write(lastChunk(trailers));
    this.leave();
  }

  /** Sends nothing more. */
  leave(): void {
    this.#over = true;
    clearTimeout(this.#waiting ?? undefined);
  }

  /** `length`: of the body; null: it comes in chunks. */
  #begin(length: number | null): void {
    if (this.#begun || this.#over) return;
    clearTimeout(this.#waiting ?? undefined);
    this.#begun = true;
    this.#chunked = length === null;
    this.#wire.gather();
    this.#wire.write(requestLines(this.#head, length, this.#peer));
  }
}
