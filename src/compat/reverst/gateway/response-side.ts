/**
 * The response of a client on its way to the server: first whether there is one, then its bytes as
 * HTTP/1.1. The connection is said to close behind it: a stream carries one request.
 */
import { acceptStream, refuseStream } from '../../../attach/stream-head.ts';
import { SallyportError } from '../../../errors.ts';
import { lastChunk } from '../../../http1/enchunk.ts';
import { HTTP3_STREAM_UNTAKEN_BYTES, REVERST_CONTINUE_MS } from '../../../limits.ts';
import { HEADROOM, SlabPool } from '../../../net/slab.ts';
import type { Stream } from '../../../session/session.ts';
import { H3, Http3Error } from '../http3/fault.ts';
import type { Field } from '../http3/field.ts';
import type { ResponseHead } from '../http3/heads.ts';
import type { Exchange, ResponseReceiver } from '../http3/request-stream.ts';
import type { Asked } from './request-reader.ts';
import { interimBytes, responseBytes, type BodyEnd } from './response-head.ts';

/** What the response tells of its request. */
export interface Upload {
  /** The client wants no more of its body. */
  unwanted(): void;
  /** More of it may be sent. */
  drained(): void;
  /** There is no exchange any more. */
  over(): void;
}

/** A chunk's size line and the line end behind it, at their longest. */
const CHUNK_FRAME_BYTES = 16;
/** Copying less than this into small frames costs less than a frame of its own. */
const SMALL_BYTES = 4_096;
const slabs = new SlabPool(HTTP3_STREAM_UNTAKEN_BYTES + CHUNK_FRAME_BYTES);
const small = Buffer.allocUnsafe(SMALL_BYTES + CHUNK_FRAME_BYTES);
const goAhead: ResponseHead = { status: 100, fields: [], contentLength: null };

export class ResponseSide implements ResponseReceiver {
  /** Set as soon as it is open. */
  exchange: Exchange | null = null;
  readonly #stream: Stream;
  readonly #asked: Asked;
  readonly #upload: Upload;
  #accepted = false;
  #bodyEnd: BodyEnd = 'none';
  /** Bytes of the body that have not been credited. */
  #owed = 0;
  #unasked: NodeJS.Timeout | null;

  constructor(stream: Stream, asked: Asked, upload: Upload) {
    this.#stream = stream;
    this.#asked = asked;
    this.#upload = upload;
    this.#unasked = asked.expectsContinue
      ? setTimeout(() => this.interim(goAhead), REVERST_CONTINUE_MS)
      : null;
  }

  interim(head: ResponseHead): void {
    this.#accept();
    if (!this.#asked.old) this.#stream.send(interimBytes(head));
  }

  response(head: ResponseHead): void {
    this.#accept();
    const { bytes, bodyEnd } = responseBytes(head, this.#asked.head.method, this.#asked.old);
    this.#bodyEnd = bodyEnd;
    this.#stream.send(bytes);
  }

  /** The first thing that comes of it. */
  #accept(): void {
    this.settle();
    if (this.#accepted) return;
    this.#accepted = true;
    acceptStream(this.#stream);
  }

  /** Nobody waits to be asked for a body. */
  settle(): void {
    if (this.#unasked === null) return;
    clearTimeout(this.#unasked);
    this.#unasked = null;
  }

  body(bytes: Buffer): void {
    this.#owed += bytes.length;
    if (bytes.length < SMALL_BYTES) {
      this.#stream.send(small.subarray(0, this.#frame(bytes, small, 0)));
    } else {
      const slab = slabs.take();
      const end = this.#frame(bytes, slab.bytes, HEADROOM);
      this.#stream.write(slab, HEADROOM, end);
      slab.release();
    }
    this.pay();
  }

  /** Copies the bytes to `at`, as a chunk where the body has chunks; answers the offset behind them. */
  #frame(bytes: Buffer, out: Buffer, at: number): number {
    if (this.#bodyEnd !== 'chunks') return at + bytes.copy(out, at);
    const data = at + out.write(`${bytes.length.toString(16)}\r\n`, at, 'latin1');
    const end = data + bytes.copy(out, data);
    return end + out.write('\r\n', end, 'latin1');
  }

  /** As much may come as has found room on the way to the server. */
  pay(): void {
    if (this.#owed === 0 || !this.#stream.writable) return;
    const owed = this.#owed;
    this.#owed = 0;
    this.exchange?.credit(owed);
  }

  ended(trailers: readonly Field[]): void {
    if (this.#bodyEnd === 'chunks') this.#stream.send(lastChunk(trailers));
    this.#stream.end();
  }

  failed(error: SallyportError): void {
    this.settle();
    if (this.#accepted) this.#stream.reset(error);
    else refuseStream(this.#stream, toldOf(error));
    this.#upload.over();
  }

  bodyUnwanted(): void {
    this.#upload.unwanted();
  }

  drained(): void {
    this.#upload.drained();
  }
}

/** What the client has not begun may be asked of another one. */
function toldOf(error: SallyportError): SallyportError {
  return error instanceof Http3Error && error.h3 === H3.REQUEST_REJECTED
    ? new SallyportError('SERVER_BUSY', error.message)
    : error;
}
