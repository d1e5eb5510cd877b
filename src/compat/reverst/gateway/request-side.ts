/** A request of the server on its way to a client: one stream with HTTP/1.1, and one exchange of HTTP/3. */
import { refuseStream } from '../../../attach/stream-head.ts';
import { asSallyportError, SallyportError } from '../../../errors.ts';
import type { Slab } from '../../../net/slab.ts';
import type { Stream, StreamReceiver } from '../../../session/session.ts';
import type { Field } from '../http3/field.ts';
import type { RequestHead } from '../http3/heads.ts';
import type { Exchange, ResponseReceiver } from '../http3/request-stream.ts';
import { RequestReader, type Asked, type RequestSink } from './request-reader.ts';
import { ResponseSide } from './response-side.ts';

/** Opens an exchange. Throws what `Http3Connection.request` throws. */
export type Ask = (head: RequestHead, receiver: ResponseReceiver) => Exchange;

export class RequestSide implements StreamReceiver, RequestSink {
  readonly #stream: Stream;
  readonly #ask: Ask;
  readonly #reader = new RequestReader(this);
  #exchange: Exchange | null = null;
  #response: ResponseSide | null = null;
  /** Nothing more of the request is passed on. */
  #discarding = false;
  /** Bytes that have not been credited. */
  #owed = 0;

  constructor(stream: Stream, ask: Ask) {
    this.#stream = stream;
    this.#ask = ask;
  }

  // ---- From the server ----

  data(slab: Slab, start: number, end: number): void {
    this.#owed += end - start;
    if (!this.#discarding) {
      try {
        this.#reader.read(slab, start, end);
      } catch (thrown) {
        this.#refuse(asSallyportError(thrown));
      }
    }
    this.#pay();
  }

  finished(): void {
    if (!this.#reader.whole && !this.#discarding)
      this.#refuse(new SallyportError('REQUEST_INVALID', 'request: it ended before it was whole'));
  }

  /** Nobody waits for the response any more. */
  reset(): void {
    this.#giveUp();
  }

  drained(): void {
    this.#response?.pay();
  }

  // ---- Of the request ----

  head(asked: Asked): void {
    const response = new ResponseSide(this.#stream, asked, {
      unwanted: () => this.#discard(),
      drained: () => this.#pay(),
      over: () => {
        this.#exchange = null;
        this.#discard();
      },
    });
    try {
      this.#exchange = this.#ask(asked.head, response);
    } finally {
      if (this.#exchange === null) response.settle();
    }
    this.#response = response;
    response.exchange = this.#exchange;
  }

  body(bytes: Buffer): void {
    this.#response?.settle();
    this.#exchange?.body(bytes);
  }

  ended(trailers: readonly Field[]): void {
    this.#exchange?.end(trailers);
  }

  // ---- Credit and ends ----

  #discard(): void {
    this.#discarding = true;
    this.#pay();
  }

  #pay(): void {
    if (this.#owed === 0 || (!this.#discarding && this.#exchange?.writable === false)) return;
    const owed = this.#owed;
    this.#owed = 0;
    this.#stream.credit(owed);
  }

  /** The request, or what was made of it, cannot be sent. */
  #refuse(error: SallyportError): void {
    const response = this.#response;
    this.#giveUp();
    if (response === null) refuseStream(this.#stream, toldOf(error));
    else response.failed(error);
  }

  #giveUp(): void {
    this.#discarding = true;
    this.#reader.leave();
    this.#response?.settle();
    this.#exchange?.cancel();
    this.#exchange = null;
  }
}

/** A client that has just left has not heard of it: another one may be asked. */
function toldOf(error: SallyportError): SallyportError {
  return error.code === 'SESSION_CLOSED' ? new SallyportError('SERVER_BUSY', error.message) : error;
}
