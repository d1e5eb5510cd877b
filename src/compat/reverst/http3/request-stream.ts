/** One request and its response on a stream of their own, from either end; RFC 9114, section 4.1. */
import type { SallyportError } from '../../../errors.ts';
import type { ByteReceiver, ByteStream } from './byte-stream.ts';
import { brokenOff, H3, h3Name, Http3Error } from './fault.ts';
import type { Field } from './field.ts';
import type { RequestHead, ResponseHead } from './heads.ts';
import { MessageReader, type MessageSink } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';

/** What both ends of an exchange may do. */
export interface Exchange {
  readonly id: number;
  /** False: the caller stops sending until `drained`. */
  readonly writable: boolean;
  /** Sends a copy of the bytes. After a failure they go nowhere. */
  body(bytes: Buffer): void;
  /** The message is whole. Throws when it is not as long as it said; the stream is broken off then. */
  end(trailers?: readonly Field[]): void;
  /** Breaks off what is not done yet; the receiver is not called again. */
  cancel(code?: number): void;
  /** So many bytes of the body that arrived have been dealt with: the back-pressure. */
  credit(n: number): void;
}

/** The end that serves. */
export interface ServedExchange extends Exchange {
  interim(head: ResponseHead): void;
  /** Throws RESPONSE_INVALID before anything is sent. */
  respond(head: ResponseHead): void;
}

/** Who receives a body. No call follows `failed` or a `cancel`. */
export interface BodyReceiver {
  /** Never empty; good until it returns. `credit` is due for it. */
  body(bytes: Buffer): void;
  /** The message is whole. Sending may go on. */
  ended(trailers: readonly Field[]): void;
  /** The exchange is over, both ways. An Http3Error with H3_REQUEST_REJECTED: nothing was done of it. */
  failed(error: SallyportError): void;
  drained(): void;
}

export interface ResponseReceiver extends BodyReceiver {
  interim?(head: ResponseHead): void;
  response(head: ResponseHead): void;
  /** The other end needs no more of the request's body to answer it. */
  bodyUnwanted?(): void;
}

/** What a stream needs of its connection. */
export interface RequestStreamHome {
  /** What the peer reads before a body. */
  readonly sectionMax: number;
  /** A request has come. */
  accept(exchange: ServedExchange, head: RequestHead): BodyReceiver;
  /** The peer broke the protocol. */
  fail(error: Http3Error): void;
  /** The stream is over, both ways. */
  over(stream: RequestStream): void;
}

export class RequestStream implements ServedExchange, ByteReceiver {
  readonly #home: RequestStreamHome;
  readonly #asks: boolean;
  #stream!: ByteStream;
  #reader!: MessageReader;
  #writer!: MessageWriter;
  #receiver: BodyReceiver | null = null;
  #method = '';
  /** The peer's direction has ended, or was given up. */
  #heard = false;
  #over = false;

  private constructor(home: RequestStreamHome, asks: boolean) {
    this.#home = home;
    this.#asks = asks;
  }

  /** Opens a stream and sends the head. Throws what `open` throws, and REQUEST_INVALID or REQUEST_TOO_LONG. */
  static ask(
    home: RequestStreamHome,
    open: (receiver: ByteReceiver) => ByteStream,
    head: RequestHead,
    receiver: ResponseReceiver,
  ): RequestStream {
    const asking = new RequestStream(home, true);
    asking.#receiver = receiver;
    asking.#method = head.method;
    asking.#attach(open(asking), {
      interim: (interim) => receiver.interim?.(interim),
      response: (response) => receiver.response(response),
    });
    try {
      asking.#writer.request(head);
    } catch (error) {
      asking.cancel();
      throw error;
    }
    return asking;
  }

  /** A stream that the peer has opened. */
  static serve(home: RequestStreamHome, stream: ByteStream): RequestStream {
    const serving = new RequestStream(home, false);
    serving.#attach(stream, {
      request(head) {
        serving.#method = head.method;
        serving.#receiver = home.accept(serving, head);
      },
    });
    return serving;
  }

  #attach(stream: ByteStream, heads: Omit<MessageSink, 'body' | 'ended'>): void {
    this.#stream = stream;
    this.#writer = new MessageWriter(
      this.#asks ? 'request' : 'response',
      stream,
      this.#home.sectionMax,
    );
    this.#reader = new MessageReader(this.#asks ? 'response' : 'request', this.#method, {
      ...heads,
      body: (bytes) => this.#receiver?.body(bytes),
      ended: (trailers) => this.#receiver?.ended(trailers),
    });
  }

  get id(): number {
    return this.#stream.id;
  }

  // ---- Sending ----

  get writable(): boolean {
    return this.#stream.writable;
  }

  interim(head: ResponseHead): void {
    if (!this.#writer.over) this.#writer.interim(head);
  }

  respond(head: ResponseHead): void {
    if (!this.#writer.over) this.#writer.response(head, this.#method);
  }

  body(bytes: Buffer): void {
    if (!this.#writer.over) this.#orBreak(() => this.#writer.body(bytes));
  }

  end(trailers: readonly Field[] = []): void {
    if (this.#writer.over) return;
    this.#orBreak(() => this.#writer.end(trailers));
    // Section 4.1: an answer that is whole needs no more of its request.
    if (!this.#asks && !this.#heard) this.#stopHearing(H3.NO_ERROR);
    this.#leaveIfDone();
  }

  /** What is wrong with a message must not look like a whole one to the peer. */
  #orBreak(send: () => void): void {
    try {
      send();
    } catch (error) {
      this.cancel(H3.INTERNAL_ERROR);
      throw error;
    }
  }

  cancel(code: number = H3.REQUEST_CANCELLED): void {
    if (this.#over) return;
    if (!this.#writer.over) this.#stopSending(code);
    if (!this.#heard) this.#stopHearing(code);
    this.#leaveIfDone();
  }

  credit(n: number): void {
    this.#stream.credit(n);
  }

  // ---- Receiving ----

  data(bytes: Buffer): void {
    const before = this.#reader.bodyBytes;
    if (!this.#heard) this.#guarded(() => this.#reader.push(bytes));
    this.#stream.credit(bytes.length - (this.#reader.bodyBytes - before));
  }

  finished(): void {
    if (this.#heard) return;
    this.#guarded(() => {
      this.#heard = true;
      this.#reader.finish();
    });
    this.#leaveIfDone();
  }

  reset(code: number): void {
    if (this.#heard) return;
    this.#heard = true;
    this.#reader.leave();
    this.fail(brokenOff(code, `the peer broke it off: ${h3Name(code)}`));
  }

  stopped(code: number): void {
    if (this.#over || this.#writer.over) return;
    if (!this.#asks || code !== H3.NO_ERROR) {
      this.fail(brokenOff(code, `the peer takes no more of it: ${h3Name(code)}`));
      return;
    }
    this.#stopSending(code);
    (this.#receiver as ResponseReceiver).bodyUnwanted?.();
    this.#leaveIfDone();
  }

  drained(): void {
    if (!this.#writer.over) this.#receiver?.drained();
  }

  /** Ends the exchange with what is wrong; `cancelCode` is what the peer is told of it. */
  fail(error: SallyportError, cancelCode: number = H3.REQUEST_CANCELLED): void {
    if (this.#over) return;
    const receiver = this.#receiver;
    this.#receiver = null;
    this.cancel(cancelCode);
    receiver?.failed(error);
  }

  /** The connection is gone: there is nothing to tell the peer. */
  severed(error: SallyportError): void {
    if (this.#over) return;
    this.#over = this.#heard = true;
    this.#writer.leave();
    this.#reader.leave();
    this.#home.over(this);
    this.#receiver?.failed(error);
  }

  #guarded(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof Http3Error)) throw error;
      if (error.scope === 'connection') this.#home.fail(error);
      else this.#fault(error);
    }
  }

  /** The message is malformed. A request is told so in words, where nothing was said yet. */
  #fault(error: Http3Error): void {
    if (!this.#asks && this.#writer.unbegun) {
      this.#writer.response({ status: error.http, fields: [], contentLength: 0 }, this.#method);
      this.#writer.end([]);
    }
    this.fail(error, error.h3);
  }

  // ---- Ends ----

  #stopSending(code: number): void {
    this.#writer.leave();
    this.#stream.reset(code);
  }

  #stopHearing(code: number): void {
    this.#heard = true;
    this.#reader.leave();
    this.#stream.stop(code);
  }

  #leaveIfDone(): void {
    if (this.#over || !this.#heard || !this.#writer.over) return;
    this.#over = true;
    this.#home.over(this);
  }
}
