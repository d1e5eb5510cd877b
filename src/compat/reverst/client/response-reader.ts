/** The response of a target, read strictly from HTTP/1.1: what looks whole here is whole. */
import { SallyportError } from '../../../errors.ts';
import { BodyTracker } from '../../../http1/body.ts';
import type { BodySink } from '../../../http1/chunked.ts';
import { CONTENT_LENGTH } from '../../../http1/field-kinds.ts';
import { INCOMPLETE } from '../../../http1/field-section.ts';
import { responseRefusals } from '../../../http1/refusals.ts';
import { ResponseHead as HeadLines } from '../../../http1/response-head.ts';
import { TrailerLines } from '../../../http1/trailer-lines.ts';
import { HeadPool, HeadReader } from '../../../ingress/http/head-reader.ts';
import { HTTP3_INTERIM_MAX } from '../../../limits.ts';
import type { Slab } from '../../../net/slab.ts';
import type { Field } from '../http3/field.ts';
import { isBodyless, type ResponseHead } from '../http3/heads.ts';

export interface ResponseSink {
  interim(head: ResponseHead): void;
  response(head: ResponseHead): void;
  /** Never empty; good until it returns. */
  body(bytes: Buffer): void;
  /** The response is whole. Nothing follows. */
  whole(trailers: readonly Field[]): void;
}

const heads = new HeadPool(() => new HeadLines());
const SWITCHING_PROTOCOLS = 101;

export class ResponseReader implements BodySink {
  readonly #method: string;
  readonly #sink: ResponseSink;
  readonly #head = new HeadReader(heads);
  readonly #body = new BodyTracker('RESPONSE_INVALID', this);
  #trailers: TrailerLines | null = null;
  #headRead = false;
  #keepAlive = false;
  #surplus = false;
  #interim = 0;
  #over = false;

  /** `method` is that of the request. */
  constructor(method: string, sink: ResponseSink) {
    this.#method = method;
    this.#sink = sink;
  }

  /** The response is whole, and another one may follow on its connection. */
  get reusable(): boolean {
    return this.#over && this.#keepAlive && !this.#surplus;
  }

  /** Takes what has arrived. Throws RESPONSE_INVALID, and what the sink throws. */
  read(slab: Slab, start: number, end: number): void {
    let at = start;
    while (!this.#headRead && !this.#over) {
      const after = this.#head.read(slab, at, end);
      if (after === INCOMPLETE) return;
      at = after;
      this.#takeHead();
      if (at === end && !this.#headRead) return;
    }
    if (this.#over) return;
    this.#surplus = this.#body.feed(slab.bytes, at, end) < end - at;
    this.#endIfWhole();
  }

  /** The target has ended its direction. Throws TARGET_CLOSED when the response is not whole. */
  ended(): void {
    if (this.#over) return;
    if (!this.#headRead || !this.#body.ended())
      throw new SallyportError('TARGET_CLOSED', 'target: it closed within its response');
    this.#endIfWhole();
  }

  /** Reads nothing more. */
  leave(): void {
    this.#over = true;
    this.#head.release();
  }

  #takeHead(): void {
    const lines = this.#head.head!;
    const head = headOf(lines, this.#head.bytes, this.#head.base);
    if (head.status === SWITCHING_PROTOCOLS)
      throw responseRefusals.invalid('it changes protocols, which nobody asked for');
    const { chunked, length, keepAlive } = lines;
    this.#head.release();
    if (head.status < 200) {
      // Originals take no more of them.
      if (++this.#interim <= HTTP3_INTERIM_MAX) this.#sink.interim(head);
      return;
    }
    this.#headRead = true;
    if (isBodyless(this.#method, head.status)) this.#body.expectLength(0);
    else if (chunked) this.#body.expectChunked();
    else if (length >= 0) this.#body.expectLength(length);
    else this.#body.expectUntilClose();
    const framed = chunked || length >= 0 || isBodyless(this.#method, head.status);
    this.#keepAlive = keepAlive && framed;
    this.#sink.response(head);
  }

  #endIfWhole(): void {
    if (this.#over || !this.#body.done) return;
    this.#over = true;
    this.#sink.whole(this.#trailers?.fields() ?? []);
  }

  // ---- The body without its framing ----

  data(bytes: Buffer, start: number, end: number): void {
    if (!this.#over) this.#sink.body(bytes.subarray(start, end));
  }

  trailerByte(byte: number): void {
    this.#trailers ??= new TrailerLines();
    this.#trailers.byte(byte);
  }
}

/** Fields that concern the connection stay: HTTP/3 sends none of them. */
function headOf(head: HeadLines, bytes: Buffer, base: number): ResponseHead {
  const { fields, status, length } = head;
  const kept: Field[] = [];
  for (let index = 0; index < fields.count; index++) {
    if (fields.kinds[index] === CONTENT_LENGTH) continue;
    const name = bytes.toString(
      'latin1',
      base + fields.nameStart(index),
      base + fields.nameEnd(index),
    );
    kept.push([name, fields.text(bytes, base, index)]);
  }
  const saysLength = length >= 0 && status >= 200 && status !== 204;
  return { status, fields: kept, contentLength: saysLength ? length : null };
}
