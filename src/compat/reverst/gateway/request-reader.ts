/** Reads one request of HTTP/1.1 off a stream of the server, as HTTP/3 sends it on. */
import { BodyTracker } from '../../../http1/body.ts';
import { EXPECT, HOST } from '../../../http1/field-kinds.ts';
import { INCOMPLETE } from '../../../http1/field-section.ts';
import { expectRequestBody } from '../../../http1/framing.ts';
import { requestRefusals as refusals } from '../../../http1/refusals.ts';
import { RequestHead as Head } from '../../../http1/request-head.ts';
import { TrailerLines } from '../../../http1/trailer-lines.ts';
import { HeadPool, HeadReader } from '../../../ingress/http/head-reader.ts';
import type { Slab } from '../../../net/slab.ts';
import type { Field } from '../http3/field.ts';
import type { RequestHead } from '../http3/heads.ts';

/** What decides about the response beside what HTTP/3 is told. */
export interface Asked {
  readonly head: RequestHead;
  /** HTTP/1.0: it knows no chunks. */
  readonly old: boolean;
  /** Whoever sends the body waits to be asked for it. */
  readonly expectsContinue: boolean;
}

export interface RequestSink {
  head(asked: Asked): void;
  /** Good until it returns. */
  body(bytes: Buffer): void;
  /** The request is whole. */
  ended(trailers: readonly Field[]): void;
}

const heads = new HeadPool(() => new Head());

export class RequestReader {
  readonly #sink: RequestSink;
  readonly #heads = new HeadReader(heads);
  readonly #trailers = new TrailerLines();
  readonly #body: BodyTracker;
  #begun = false;
  /** The last byte has come. */
  whole = false;

  constructor(sink: RequestSink) {
    this.#sink = sink;
    this.#body = new BodyTracker('REQUEST_INVALID', {
      data: (bytes, start, end) => sink.body(bytes.subarray(start, end) as Buffer),
      trailerByte: (byte) => this.#trailers.byte(byte),
    });
  }

  /** Throws REQUEST_INVALID, REQUEST_TOO_LONG, REQUEST_UNSUPPORTED, or what the sink throws. */
  read(slab: Slab, start: number, end: number): void {
    let at = start;
    if (!this.#begun) {
      at = this.#heads.read(slab, start, end);
      if (at === INCOMPLETE) return;
      this.#begin();
    }
    if (!this.whole) at += this.#follow(slab, at, end);
    if (at < end) throw refusals.invalid('more than one on a stream');
  }

  #begin(): void {
    this.#begun = true;
    const { head, bytes, base } = this.#heads;
    expectRequestBody(this.#body, head!);
    const asked = askedOf(head!, bytes, base);
    this.#heads.release();
    this.#sink.head(asked);
  }

  #follow(slab: Slab, start: number, end: number): number {
    const taken = this.#body.feed(slab.bytes, start, end);
    if (this.#body.done) {
      this.whole = true;
      this.#sink.ended(this.#trailers.fields());
    }
    return taken;
  }

  /** Nothing more will be read. */
  leave(): void {
    this.#heads.release();
  }
}

function askedOf(head: Head, bytes: Buffer, base: number): Asked {
  const { line, fields, method } = head;
  const text = (start: number, end: number) => bytes.toString('latin1', base + start, base + end);
  const kept: Field[] = [];
  for (let i = 0; i < fields.count; i++)
    if (fields.kinds[i] !== HOST)
      kept.push([text(fields.nameStart(i), fields.nameEnd(i)), fields.text(bytes, base, i)]);
  return {
    head: {
      method: method.name,
      // As originals say whatever the consumer came by.
      scheme: 'https',
      authority: text(head.hostStart, head.hostEnd),
      path: text(head.pathStart, line.targetEnd),
      fields: kept,
      contentLength: head.length < 0 ? null : head.length,
    },
    old: line.old,
    expectsContinue: !line.old && fields.has(EXPECT),
  };
}
