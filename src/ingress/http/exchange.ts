/** One request and its response: what is known about them, kept apart from the bytes. */
import { SallyportError } from '../../errors.ts';
import { noMethod, type Method } from '../../http1/methods.ts';
import type { RequestHead } from '../../http1/request-head.ts';
import type { Outcome, RequestLine } from '../../observe/access-log.ts';
import { withoutPathToken } from '../../observe/secrets.ts';
import type { Caller } from '../../registry/gate.ts';
import type { HttpIngressOptions } from './ingress-options.ts';
import type { OwnService } from './own-endpoints.ts';
import type { Peer } from './peer.ts';

const nothing = Buffer.alloc(0);
/** A connection keeps a buffer for heads up to this size between requests. */
const HEAD_KEEP_BYTES = 4096;
const SPACE = 0x20;

/** One for each client connection, used for one request after another. */
export class Exchange {
  /** A request is under way: `log` is due. */
  active = false;
  id = '';
  method: Method = noMethod;
  /** Who sent the request, `ip:port`: the peer, or the client that a trusted proxy names. */
  consumer = '';
  host = '';
  service = '';
  /** The program itself serves the request: part of something that has a line of its own. */
  own: OwnService | null = null;
  /** The client speaks HTTP/1.0. */
  old = false;
  /** The client lets its connection stay open. */
  keepAlive = false;
  upgrade = false;
  /** The Accept field of a request whose head was not sent on. */
  accept = '';
  /** WWW-Authenticate for a 401. */
  challenge = '';
  /** Who sent it; null where nobody has to say. */
  caller: Caller = null;
  /** All of the request has been sent on. */
  whole = false;
  /** A byte of the request's body has been sent on. */
  bodySent = false;
  /** The response's head has been sent to the client. */
  answered = false;
  /** The response ended before its request. */
  early = false;
  status = 0;
  bytesUp = 0;
  bytesDown = 0;
  /** The head for the target, kept until the response comes: it may have to be sent again. */
  head: Buffer = nothing;
  headLength = 0;
  /** Milliseconds on the clock of `performance.now`. */
  startedAt = 0;
  readonly #options: HttpIngressOptions;
  readonly #peer: Peer;
  #path = '';
  #error = '';

  constructor(options: HttpIngressOptions, peer: Peer) {
    this.#options = options;
    this.#peer = peer;
  }

  begin(now: number): void {
    this.active = true;
    this.id = this.#options.newId();
    this.startedAt = now;
    this.method = noMethod;
    this.consumer = this.#peer.text;
    this.host = '';
    this.service = '';
    this.own = null;
    this.#error = '';
    this.#path = '';
    this.accept = this.challenge = '';
    this.caller = null;
    this.old = this.keepAlive = this.upgrade = false;
    this.whole = this.bodySent = this.answered = this.early = false;
    this.status = this.bytesUp = this.bytesDown = this.headLength = 0;
  }

  /** Takes over what the head says. */
  describe(head: RequestHead, host: string): void {
    this.method = head.method;
    this.host = host;
    this.old = head.line.old;
    this.keepAlive = head.keepAlive;
    this.upgrade = head.upgrade;
  }

  /** The request goes nowhere: its path is taken from the client's head. */
  describePath(bytes: Buffer, start: number, end: number): void {
    this.#path = bytes.toString('latin1', start, end);
  }

  /** Running the request twice does no harm. A protocol that was switched to is another matter. */
  get repeatable(): boolean {
    return this.method.idempotent && !this.upgrade;
  }

  /** A buffer for a head of up to `length` bytes. */
  room(length: number): Buffer {
    if (this.head.length < length) this.head = Buffer.allocUnsafeSlow(length);
    return this.head;
  }

  /** What the client accepts: asked for errors only, so it is looked up in the head that was kept. */
  accepts(): string {
    if (this.headLength === 0) return this.accept;
    const head = this.head.toString('latin1', 0, this.headLength);
    return /\r\naccept:([^\r\n]*)/i.exec(head)?.[1] ?? '';
  }

  /** Without a token. */
  get path(): string {
    return withoutPathToken(this.headLength > 0 ? this.#pathSent() : this.#path);
  }

  #pathSent(): string {
    const start = this.method.name.length + 1;
    return this.head.toString('latin1', start, this.head.indexOf(SPACE, start));
  }

  /** The request fails, and the log tells why, in the words that were not for the client too. */
  explain(error: SallyportError): void {
    const { cause } = error;
    this.#error = cause instanceof SallyportError ? cause.message : error.message;
  }

  /** The request is over: writes its line, once. */
  log(outcome: Outcome, now: number): void {
    if (!this.active) return;
    this.active = false;
    if (this.own !== null && outcome === 'ok') return;
    const line = new ExchangeLine(this, now, outcome);
    if (this.#error !== '') line.error = this.#error;
    this.#options.accessLog.request(line);
    if (this.head.length > HEAD_KEEP_BYTES) this.head = nothing;
  }
}

/** Most of those who are told of a request do not ask for its path, which has to be made of the head. */
class ExchangeLine implements RequestLine {
  readonly id: string;
  readonly service: string;
  readonly consumer: string;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly ms: number;
  readonly outcome: Outcome;
  readonly method: string;
  readonly host: string;
  readonly status: number;
  error?: string;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, now: number, outcome: Outcome) {
    this.id = exchange.id;
    this.service = exchange.service;
    this.consumer = exchange.consumer;
    this.bytesUp = exchange.bytesUp;
    this.bytesDown = exchange.bytesDown;
    this.ms = now - exchange.startedAt;
    this.outcome = outcome;
    this.method = exchange.method.name;
    this.host = exchange.host;
    this.status = exchange.status;
    this.#exchange = exchange;
  }

  get path(): string {
    return this.#exchange.path;
  }
}
