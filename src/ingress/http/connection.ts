/** One client connection: requests are read, routed and sent on, one after the other. */
import { asSallyportError, SallyportError } from '../../errors.ts';
import { BodyTracker } from '../../http1/body.ts';
import { INCOMPLETE } from '../../http1/field-section.ts';
import type { RequestHead } from '../../http1/request-head.ts';
import { HTTP_LINGER_BYTES, HTTP_UNREAD_MAX_BYTES } from '../../limits.ts';
import { breakOff } from '../../net/break-off.ts';
import type { Timed } from '../../net/deadlines.ts';
import type { Slab } from '../../net/slab.ts';
import type { Wire, WireReader } from '../../net/wire.ts';
import type { Outcome } from '../../observe/access-log.ts';
import type { Stream } from '../../session/session.ts';
import { Splice, type SpliceEnd } from '../../session/splice.ts';
import { Exchange } from './exchange.ts';
import { HeadReader } from './head-reader.ts';
import { HeldBytes } from './held-bytes.ts';
import type { HttpShared } from './ingress.ts';
import { RequestIntake } from './intake.ts';
import type { OwnReply, Takeover } from './own-endpoints.ts';
import type { Peer } from './peer.ts';
import { errorReply, replyBytes, wantsJson, type ReplyOptions } from './reply.ts';
import { UpstreamSide, type ClientSide } from './upstream-side.ts';

/** Nothing of the next head has come. */
const IDLE = 0;
const HEAD = 1;
const BODY = 2;
/** The request is whole, its response is not. */
const ANSWER = 3;
/** The last response was sent; what still comes is thrown away, so that the client gets to read it. */
const LINGER = 4;
/** Broken off, closed, or somebody else's. */
const GONE = 5;

export class ClientConnection implements WireReader, Timed, ClientSide, SpliceEnd {
  deadline: number;
  readonly peer: Peer;
  readonly exchange = new Exchange();
  readonly #shared: HttpShared;
  readonly #intake: RequestIntake;
  readonly #heads: HeadReader<RequestHead>;
  readonly #body = new BodyTracker('REQUEST_INVALID');
  readonly #held = new HeldBytes();
  #wire!: Wire;
  #upstream!: UpstreamSide;
  #state = IDLE;
  #reading = false;
  #paused = false;
  /** The client sends no more. */
  #clientEnded = false;
  /** The response ended before its request. */
  #early = false;
  #lingered = 0;

  constructor(shared: HttpShared, peer: Peer) {
    this.#shared = shared;
    this.peer = peer;
    this.#intake = new RequestIntake(shared.options, peer, this.exchange);
    this.#heads = new HeadReader(shared.requestHeads);
    this.deadline = shared.deadlines.now + shared.timeouts.head;
  }

  /** The wire whose reader this is. */
  start(wire: Wire): void {
    this.#wire = wire;
    this.#upstream = new UpstreamSide(this.#shared, this, wire);
    this.#shared.connections.add(this);
    this.#shared.deadlines.add(this);
  }

  // ---- From the client ----

  read(slab: Slab, start: number, end: number): boolean {
    if (this.#held.any) this.#held.add(slab, start, end);
    else this.#take(slab, start, end);
    this.#paused = this.#mustPause();
    return !this.#paused;
  }

  #mustPause(): boolean {
    return this.#held.any || (this.#state === BODY && !this.#upstream.writable);
  }

  #take(slab: Slab, start: number, end: number): void {
    this.#reading = true;
    let at = start;
    while (at < end) {
      if (this.#state === BODY) at = this.#takeBody(slab, at, end);
      else if (this.#state <= HEAD) at = this.#takeHead(slab, at, end);
      else {
        if (this.#state === ANSWER) this.#held.add(slab, at, end);
        else if (this.#state === LINGER) this.#throwAway(end - at);
        break;
      }
    }
    this.#reading = false;
  }

  #takeHead(slab: Slab, start: number, end: number): number {
    const heads = this.#heads;
    let after: number;
    try {
      after = heads.read(slab, start, end);
    } catch (thrown) {
      this.#begin();
      this.failed(asSallyportError(thrown));
      return end;
    }
    if (after === INCOMPLETE) {
      if (this.#state === IDLE) this.#expire(this.#shared.timeouts.head);
      this.#state = HEAD;
      return end;
    }
    this.#begin();
    const takeover = this.#takeRequest(heads.head!, heads.bytes, heads.base, heads.end);
    heads.release();
    if (takeover === null) return after;
    const rest = Buffer.from(slab.bytes.subarray(after, end));
    this.#leave();
    takeover(this.#wire, rest);
    return end;
  }

  #begin(): void {
    this.exchange.begin(this.#shared.options.newId(), performance.now());
    this.#early = false;
  }

  /** Sends a request on, or answers it. Answers who takes the connection over, if anybody does. */
  #takeRequest(head: RequestHead, bytes: Buffer, base: number, end: number): Takeover | null {
    const { exchange } = this;
    if (head.chunked) this.#body.expectChunked();
    else this.#body.expectLength(Math.max(head.length, 0));
    exchange.whole = this.#body.done;
    this.#state = exchange.whole ? ANSWER : BODY;
    try {
      const own = this.#intake.take(head, bytes, base, end);
      if (typeof own === 'function') return own;
      if (own === null) {
        this.#upstream.request(exchange.startedAt);
        const { response, bodyIdle } = this.#shared.timeouts;
        this.#expire(exchange.whole ? response : bodyIdle);
      } else this.#reply(own);
    } catch (thrown) {
      this.failed(asSallyportError(thrown));
    }
    return null;
  }

  #takeBody(slab: Slab, start: number, end: number): number {
    let taken: number;
    try {
      taken = this.#body.feed(slab.bytes, start, end);
    } catch (thrown) {
      this.failed(asSallyportError(thrown));
      return end;
    }
    this.exchange.bytesUp += taken;
    const { response, bodyIdle } = this.#shared.timeouts;
    const more = this.#upstream.sendBody(slab, start, start + taken);
    if (this.#body.done) this.#requestEnded();
    else this.#expire(more ? bodyIdle : response);
    return start + taken;
  }

  #requestEnded(): void {
    const { exchange } = this;
    exchange.whole = true;
    this.#state = ANSWER;
    if (this.#early) this.responseEnded();
    else this.#expire(exchange.answered ? Infinity : this.#shared.timeouts.response);
  }

  #throwAway(bytes: number): void {
    this.#lingered += bytes;
    if (this.#lingered > HTTP_LINGER_BYTES) this.#wire.destroy();
  }

  ended(): void {
    this.#clientEnded = true;
    if (this.#state === BODY) this.#breakOff('closed');
    else if (this.#state <= HEAD) this.#finish();
  }

  closed(): void {
    this.exchange.log(this.#shared.options.accessLog, this.peer, 'closed', performance.now());
    this.#leave();
  }

  // ---- From the upstream side ----

  responseBegan(): void {
    if (this.#state === ANSWER) this.#expire(Infinity);
  }

  responseEnded(): void {
    const { exchange } = this;
    const now = performance.now();
    if (exchange.whole) {
      this.#upstream.rest(now);
      this.#settle('ok', exchange.keepAlive, now);
    } else if (this.#upstream.open && exchange.keepAlive) this.#early = true;
    else this.#settle('ok', false, now);
  }

  failed(error: SallyportError): void {
    const { exchange } = this;
    this.#upstream.abandon();
    if (exchange.answered) {
      if (this.#early) this.#settle(error.code, false, performance.now());
      else this.#breakOff(error.code);
      return;
    }
    const goOn = this.#state === ANSWER && !error.code.startsWith('REQUEST_');
    const options = this.#replyOptions(goOn);
    exchange.status = error.http;
    this.#wire.write(errorReply(error, wantsJson(exchange.accepts()), options));
    this.#settle(error.code, !options.close, performance.now());
  }

  switched(stream: Stream): void {
    const splice = new Splice(this.#wire, this).join(stream);
    this.#state = GONE;
    this.#shared.deadlines.delete(this);
    this.#wire.reader = splice;
    stream.receiver = splice;
    this.#held.release((slab, start, end) => void splice.read(slab, start, end));
    if (this.#clientEnded) splice.ended();
    if (this.#paused && stream.writable) this.#wire.resume();
  }

  spliced(splice: Splice, error: Error | null): void {
    this.exchange.bytesUp += splice.bytesOut;
    this.exchange.bytesDown += splice.bytesIn;
    const broken = error instanceof SallyportError ? error.code : 'closed';
    const outcome = error === null ? 'ok' : broken;
    this.exchange.log(this.#shared.options.accessLog, this.peer, outcome, performance.now());
    this.#shared.connections.delete(this);
  }

  /** Goes on reading: with what was held first. */
  resume(): void {
    if (this.#reading) return;
    if (this.#state === BODY) this.#expire(this.#shared.timeouts.bodyIdle);
    while (this.#held.any && this.#state !== ANSWER) {
      this.#held.release((slab, start, end) => this.#take(slab, start, end));
    }
    if (this.#clientEnded && this.#state <= HEAD) this.#finish();
    if (!this.#paused || this.#mustPause()) return;
    this.#paused = false;
    this.#wire.resume();
  }

  // ---- Ends ----

  #reply(own: OwnReply): void {
    const options = this.#replyOptions(this.#state === ANSWER);
    this.exchange.status = own.status;
    this.#wire.write(replyBytes(own, options));
    this.#settle('ok', !options.close, performance.now());
  }

  #replyOptions(goOn: boolean): ReplyOptions {
    const { id, method, keepAlive, old, challenge } = this.exchange;
    const close = !goOn || !keepAlive || this.#shared.draining;
    return { id, headOnly: method.headOnly, close, old, challenge };
  }

  /** Request and response are done with. */
  #settle(outcome: Outcome, goOn: boolean, now: number): void {
    this.exchange.log(this.#shared.options.accessLog, this.peer, outcome, now);
    if (!goOn) {
      this.#finish();
      return;
    }
    if (this.#wire.backlog <= HTTP_UNREAD_MAX_BYTES) this.#goOn();
    else {
      this.#state = ANSWER;
      this.#expire(Infinity);
      this.#wire.afterWrites(() => this.#goOn());
    }
  }

  /** The next request may come. */
  #goOn(): void {
    if (this.#state !== ANSWER) return;
    this.#state = IDLE;
    this.#expire(this.#shared.timeouts.idle);
    this.resume();
  }

  /** Nothing more will be sent. */
  #finish(): void {
    const wire = this.#wire;
    const linger = (): void => this.#expire(this.#shared.timeouts.linger);
    this.#upstream.drop();
    this.#heads.release();
    this.#held.clear();
    this.#state = LINGER;
    this.#expire(Infinity);
    if (wire.backlog === 0) linger();
    else wire.afterWrites(linger);
    wire.end();
    this.resume();
  }

  /** The client must not take what it got for a whole response. */
  #breakOff(outcome: Outcome): void {
    this.exchange.log(this.#shared.options.accessLog, this.peer, outcome, performance.now());
    this.#state = GONE;
    this.#upstream.drop();
    breakOff(this.#wire.socket);
  }

  #expire(ms: number): void {
    this.deadline = this.#shared.deadlines.now + ms;
  }

  expired(): void {
    switch (this.#state) {
      case HEAD:
        this.#begin();
        this.failed(new SallyportError('REQUEST_TIMEOUT', 'request: its head took too long'));
        break;
      case BODY:
        this.failed(
          this.#upstream.writable
            ? new SallyportError('REQUEST_TIMEOUT', 'request: its body stopped coming')
            : new SallyportError(
                'RESPONSE_TIMEOUT',
                'request: the service stopped taking its body',
              ),
        );
        break;
      case ANSWER:
        this.failed(new SallyportError('RESPONSE_TIMEOUT', 'response: none came in time'));
        break;
      case IDLE:
        this.#finish();
        break;
      default:
        this.destroy();
    }
  }

  drain(): void {
    if (this.#state === IDLE) this.#finish();
  }

  destroy(): void {
    this.deadline = Infinity;
    this.#wire.destroy();
  }

  /** The connection is no longer ours. */
  #leave(): void {
    this.#state = GONE;
    this.exchange.active = false;
    this.#upstream.drop();
    this.#heads.release();
    this.#held.clear();
    this.#shared.deadlines.delete(this);
    this.#shared.connections.delete(this);
  }
}
