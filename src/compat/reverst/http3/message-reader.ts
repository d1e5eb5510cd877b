/**
 * A message as it arrives on a request stream: interim responses, a head, a body, trailers; RFC 9114,
 * section 4.1. Whether the body is as long as it says is checked here, so that a message that ended
 * is whole.
 */
import { HTTP3_FIELD_SECTION_MAX_BYTES, HTTP3_INTERIM_MAX } from '../../../limits.ts';
import {
  connectionFault,
  excessive,
  H3,
  Http3Error,
  malformed,
  type MessageKind,
} from './fault.ts';
import type { Field } from './field.ts';
import { FrameReader, type FrameSink, type Treatment } from './frame-reader.ts';
import { FRAME, HTTP2_FRAMES } from './frames.ts';
import {
  isBodyless,
  readRequestHead,
  readResponseHead,
  readTrailers,
  type RequestHead,
  type ResponseHead,
} from './heads.ts';
import { decodeFields } from './qpack/decode.ts';

export interface MessageSink {
  /** Of a request. */
  request?(head: RequestHead): void;
  /** Of a response. */
  interim?(head: ResponseHead): void;
  response?(head: ResponseHead): void;
  /** A piece of the body, never empty; good until it returns. */
  body(bytes: Buffer): void;
  /** The message is whole. */
  ended(trailers: readonly Field[]): void;
}

const HEAD = 0;
const BODY = 1;
const TRAILERS_READ = 2;

/** Frames that belong on a control stream, section 7.2. */
const elsewhere: ReadonlySet<number> = new Set([
  FRAME.CANCEL_PUSH,
  FRAME.SETTINGS,
  FRAME.GOAWAY,
  FRAME.MAX_PUSH_ID,
]);

export class MessageReader implements FrameSink {
  readonly #kind: MessageKind;
  /** Of the request that a response answers. */
  readonly #method: string;
  readonly #sink: MessageSink;
  readonly #frames: FrameReader;
  #state = HEAD;
  #interim = 0;
  /** Bytes of the body that are due; -1: nobody has said. */
  #due = -1;
  #trailers: readonly Field[] = [];
  /** Nothing more is read: the message is whole, or given up. */
  over = false;
  /** Bytes of the body so far. */
  bodyBytes = 0;

  constructor(kind: MessageKind, method: string, sink: MessageSink) {
    this.#kind = kind;
    this.#method = method;
    this.#sink = sink;
    this.#frames = new FrameReader(this);
  }

  /** Throws an Http3Error; of the stream or of the connection. */
  push(bytes: Buffer): void {
    if (!this.over) this.#frames.push(bytes);
  }

  /** The stream has ended. Throws when the message has not. */
  finish(): void {
    if (this.over) return;
    this.#frames.finish();
    if (this.#state === HEAD) throw this.#incomplete();
    if (this.#due > 0) throw malformed(this.#kind, `its body ends ${this.#due} bytes early`);
    this.over = true;
    this.#sink.ended(this.#trailers);
  }

  leave(): void {
    this.over = true;
    this.#frames.leave();
  }

  #incomplete(): Http3Error {
    return this.#kind === 'response'
      ? malformed('response', 'it ends before its head')
      : new Http3Error(
          'stream',
          'REQUEST_INVALID',
          H3.REQUEST_INCOMPLETE,
          'it ends before its head',
        );
  }

  // ---- Frames ----

  begin(type: number, length: number): Treatment {
    if (type === FRAME.DATA) {
      if (this.#state !== BODY) throw connectionFault('FRAME_UNEXPECTED', 'DATA out of place');
      if (this.#due >= 0 && length > this.#due)
        throw malformed(this.#kind, 'its body is longer than it may be');
      return 'pass';
    }
    if (type === FRAME.HEADERS) {
      if (this.#state === TRAILERS_READ)
        throw connectionFault('FRAME_UNEXPECTED', 'HEADERS behind the trailers');
      if (length > HTTP3_FIELD_SECTION_MAX_BYTES)
        throw excessive(
          this.#kind,
          `its fields take ${length} bytes, more than ${HTTP3_FIELD_SECTION_MAX_BYTES}`,
        );
      return 'gather';
    }
    if (elsewhere.has(type) || HTTP2_FRAMES.has(type))
      throw connectionFault('FRAME_UNEXPECTED', `frame 0x${type.toString(16)} on a request stream`);
    if (type === FRAME.PUSH_PROMISE)
      throw connectionFault(
        this.#kind === 'response' ? 'ID_ERROR' : 'FRAME_UNEXPECTED',
        'a push that nobody has allowed',
      );
    return 'skip';
  }

  passed(bytes: Buffer): void {
    this.bodyBytes += bytes.length;
    if (this.#due >= 0) this.#due -= bytes.length;
    this.#sink.body(bytes);
  }

  gathered(_type: number, payload: Buffer): void {
    const section = decodeFields(payload, this.#kind, HTTP3_FIELD_SECTION_MAX_BYTES);
    if (this.#state === BODY) {
      this.#trailers = readTrailers(this.#kind, section);
      this.#state = TRAILERS_READ;
    } else if (this.#kind === 'request') {
      const head = readRequestHead(section);
      this.#bodyFollows(head.contentLength);
      this.#sink.request?.(head);
    } else {
      this.#takeResponse(readResponseHead(section));
    }
  }

  #takeResponse(head: ResponseHead): void {
    if (head.status < 200) {
      if (++this.#interim > HTTP3_INTERIM_MAX)
        throw excessive('response', `more than ${HTTP3_INTERIM_MAX} interim responses`);
      this.#sink.interim?.(head);
      return;
    }
    this.#bodyFollows(isBodyless(this.#method, head.status) ? 0 : head.contentLength);
    this.#sink.response?.(head);
  }

  #bodyFollows(length: number | null): void {
    this.#due = length ?? -1;
    this.#state = BODY;
  }
}
