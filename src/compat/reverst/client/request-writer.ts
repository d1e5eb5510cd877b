/** Passes a request on to its target while it arrives. */
import { chunk, lastChunk } from '../../../http1/enchunk.ts';
import { REVERST_BODY_WAIT_MS } from '../../../limits.ts';
import type { Wire } from '../../../net/wire.ts';
import type { Field } from '../http3/field.ts';
import type { RequestHead } from '../http3/heads.ts';
import { requestLines, type Framing } from './request-lines.ts';

export interface RequestRoad {
  /** The connection that the request goes to. */
  connect(framing: Framing): Wire;
  /** So many bytes of the body have left. */
  credit(n: number): void;
}

export class RequestWriter {
  bytes = 0;
  /** Everything was written. */
  whole = false;
  readonly #head: RequestHead;
  readonly #peer: string;
  readonly #keeps: boolean;
  readonly #road: RequestRoad;
  /** Of a request that has not said whether it has a body. */
  #waiting: NodeJS.Timeout | null = null;
  #wire: Wire | null = null;
  #chunked = false;
  #over = false;

  /** `keeps`: connections may be kept behind requests without a body. */
  constructor(head: RequestHead, peer: string, keeps: boolean, road: RequestRoad) {
    this.#head = head;
    this.#peer = peer;
    this.#keeps = keeps;
    this.#road = road;
  }

  /** Nothing says that there is no body but the end of the stream, which comes along, mostly. */
  start(): void {
    const { contentLength } = this.#head;
    if (contentLength !== null && contentLength > 0) this.#begin(contentLength);
    else this.#waiting = setTimeout(() => this.#begin(contentLength), REVERST_BODY_WAIT_MS);
  }

  body(bytes: Buffer): void {
    const { length } = bytes;
    const credit = (): void => this.#road.credit(length);
    if (this.#over) return credit();
    const wire = this.#begin(null);
    this.bytes += length;
    if (wire.write(this.#chunked ? chunk(bytes) : Buffer.from(bytes))) credit();
    else wire.afterWrites(credit);
  }

  ended(trailers: readonly Field[]): void {
    if (this.#over) return;
    const wire = this.#begin(trailers.length === 0 ? 0 : null);
    if (this.#chunked) wire.write(lastChunk(trailers));
    this.whole = true;
    this.leave();
  }

  /** Sends a request without a body once more, on another connection. */
  repeat(): void {
    this.#write(0);
  }

  /** Sends nothing more. */
  leave(): void {
    this.#over = true;
    clearTimeout(this.#waiting ?? undefined);
  }

  /** `length`: of the body; null: it comes in chunks. */
  #begin(length: number | null): Wire {
    clearTimeout(this.#waiting ?? undefined);
    return this.#wire ?? this.#write(length);
  }

  #write(length: number | null): Wire {
    // A target that does not read a body could take it for the next request.
    const framing = { length, keep: this.#keeps && length === 0 };
    this.#chunked = length === null;
    this.#wire = this.#road.connect(framing);
    this.#wire.gather();
    this.#wire.write(requestLines(this.#head, framing, this.#peer));
    return this.#wire;
  }
}
