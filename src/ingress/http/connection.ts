/** One client connection: requests are read, routed and sent on, one after the other. */
import { asSallyportError, type SallyportError } from '../../errors.ts';
import { BodyTracker } from '../../http1/body.ts';
import { INCOMPLETE } from '../../http1/field-section.ts';
import { expectRequestBody } from '../../http1/framing.ts';
import type { RequestHead } from '../../http1/request-head.ts';
import { HTTP_UNREAD_MAX_BYTES } from '../../limits.ts';
import { breakOff } from '../../net/break-off.ts';
import type { Slab } from '../../net/slab.ts';
import type { Wire, WireReader } from '../../net/wire.ts';
import type { Outcome } from '../../observe/access-log.ts';
import type { Stream } from '../../session/session.ts';
import { ClientInput, type Appetite, type InputTaker } from './client-input.ts';
import type { ClientSide } from './client-side.ts';
import { Exchange } from './exchange.ts';
import { HeadReader } from './head-reader.ts';
import type { HttpShared, Served } from './ingress-options.ts';
import { RequestIntake } from './intake.ts';
import { linger } from './linger.ts';
import type { Takeover } from './own-endpoints.ts';
import * as overdue from './overdue.ts';
import type { Peer } from './peer.ts';
import { sendError, sendOwn } from './reply.ts';
import { Upgraded } from './upgraded.ts';
import { UpstreamSide } from './upstream-side.ts';

/** Nothing of the next head has come. */
const IDLE = 0;
const HEAD = 1;
const BODY = 2;
/** The request is whole, its response is not. */
const ANSWER = 3;
/** Broken off, closed, or somebody else's. */
const GONE = 4;

export class ClientConnection implements WireReader, ClientSide, InputTaker, Served {
  deadline: number;
  earlier: Served | null = null;
  later: Served | null = null;
  readonly exchange: Exchange;
  readonly #shared: HttpShared;
  readonly #intake: RequestIntake;
  readonly #heads: HeadReader<RequestHead>;
  readonly #body = new BodyTracker('REQUEST_INVALID');
  readonly #input = new ClientInput(this);
  #wire!: Wire;
  #upstream!: UpstreamSide;
  #state = IDLE;
  /** The client sends no more. */
  #clientEnded = false;
  /** Of the response, when its time was last set. */
  #bytesSeen = 0;

  constructor(shared: HttpShared, peer: Peer) {
    this.#shared = shared;
    this.exchange = new Exchange(shared.options, peer);
    this.#intake = new RequestIntake(shared.options, peer, this.exchange);
    this.#heads = new HeadReader(shared.requestHeads);
    this.deadline = shared.served.now + shared.timeouts.head;
  }

  /** The wire whose reader this is. */
  start(wire: Wire): void {
    this.#wire = wire;
    this.#upstream = new UpstreamSide(this.#shared, this, wire);
    this.#shared.served.add(this);
  }

  // ---- From the client ----

  read(slab: Slab, start: number, end: number): boolean {
    return this.#input.read(slab, start, end);
  }

  get appetite(): Appetite {
    return this.#state <= BODY ? 'take' : this.#state === ANSWER ? 'hold' : 'drop';
  }

  get blocked(): boolean {
    return this.#state === BODY && !this.#upstream.writable;
  }

  take(slab: Slab, start: number, end: number): number {
    try {
      return this.#state === BODY
        ? this.#takeBody(slab, start, end)
        : this.#takeHead(slab, start, end);
    } catch (thrown) {
      if (!this.exchange.active) this.exchange.begin(performance.now());
      this.failed(asSallyportError(thrown));
      return end;
    }
  }

  #takeHead(slab: Slab, start: number, end: number): number {
    const heads = this.#heads;
    const after = heads.read(slab, start, end);
    if (after === INCOMPLETE) {
      // Of the first head the time runs from the connection's start already.
      const latest = this.#shared.served.now + this.#shared.timeouts.head;
      if (this.#state === IDLE) this.deadline = Math.min(this.deadline, latest);
      this.#state = HEAD;
      return end;
    }
    this.exchange.begin(performance.now());
    const takeover = this.#takeRequest(heads.head!, heads.bytes, heads.base, heads.end);
    heads.release();
    if (takeover === null) return after;
    this.exchange.active = false;
    this.#forget();
    takeover(this.#wire, Buffer.from(slab.bytes.subarray(after, end)));
    return end;
  }

  /** Sends a request on, or answers it. Answers who takes the connection over, if anybody does. */
  #takeRequest(head: RequestHead, bytes: Buffer, base: number, end: number): Takeover | null {
    const { exchange } = this;
    expectRequestBody(this.#body, head);
    exchange.whole = this.#body.done;
    this.#state = exchange.whole ? ANSWER : BODY;
    try {
      const own = this.#intake.take(head, bytes, base, end);
      if (typeof own === 'function') return own;
      if (own === null) {
        this.#upstream.request(exchange.startedAt);
        const { response, bodyIdle } = this.#shared.timeouts;
        if (exchange.whole) this.#await(response);
        else this.#expire(bodyIdle);
      } else {
        const goOn = this.#mayGoOn();
        sendOwn(this.#wire, own, exchange, goOn);
        this.#settle('ok', goOn, performance.now());
      }
    } catch (thrown) {
      this.failed(asSallyportError(thrown));
    }
    return null;
  }

  #takeBody(slab: Slab, start: number, end: number): number {
    const { exchange } = this;
    const { response, bodyIdle } = this.#shared.timeouts;
    const taken = this.#body.feed(slab.bytes, start, end);
    exchange.bytesUp += taken;
    const more = this.#upstream.sendBody(slab, start, start + taken);
    exchange.whole = this.#body.done;
    if (exchange.whole) this.#state = ANSWER;
    if (!exchange.whole) this.#expire(more ? bodyIdle : response);
    else if (exchange.early) this.responseEnded();
    else this.#await(exchange.answered ? Infinity : response);
    return start + taken;
  }

  ended(): void {
    this.#clientEnded = true;
    if (this.#state === BODY) this.#breakOff('closed');
    else if (this.#state <= HEAD) this.#finish();
    else if (this.exchange.active) this.#await(Infinity);
  }

  closed(): void {
    this.exchange.log('closed', performance.now());
    this.#forget();
  }

  // ---- From the upstream side ----

  responseBegan(): void {
    if (this.#state === ANSWER) this.#await(Infinity);
  }

  responseEnded(): void {
    const { exchange } = this;
    const now = performance.now();
    if (exchange.whole) {
      this.#upstream.rest(now);
      this.#settle('ok', exchange.keepAlive, now);
    } else if (this.#upstream.open && exchange.keepAlive) exchange.early = true;
    else this.#settle('ok', false, now);
  }

  failed(error: SallyportError): void {
    const { exchange } = this;
    this.#upstream.abandon();
    exchange.explain(error);
    if (error.code === 'INTERNAL') this.#shared.options.defect?.(error, exchange.id);
    if (exchange.answered) {
      if (exchange.early) this.#settle(error.code, false, performance.now());
      else this.#breakOff(error.code);
      return;
    }
    const goOn = !error.code.startsWith('REQUEST_') && this.#mayGoOn();
    const reply = this.#shared.options.own?.failure?.(exchange.service, error) ?? null;
    if (reply === null) sendError(this.#wire, error, exchange, goOn);
    else sendOwn(this.#wire, reply, exchange, goOn);
    this.#settle(error.code, goOn, performance.now());
  }

  switched(stream: Stream): void {
    const { splice } = new Upgraded(this.#shared, this.#wire, stream, this.exchange);
    this.#forget();
    this.#input.release(this.#wire);
    if (this.#clientEnded) splice.ended();
  }

  resume(): void {
    if (this.#state === BODY) this.#expire(this.#shared.timeouts.bodyIdle);
    this.#input.resume(this.#wire);
  }

  // ---- Ends ----

  /** After an answer of our own the connection can stay open. */
  #mayGoOn(): boolean {
    return this.#state === ANSWER && this.exchange.keepAlive && !this.#shared.draining;
  }

  /** Request and response are done with. */
  #settle(outcome: Outcome, goOn: boolean, now: number): void {
    this.exchange.log(outcome, now);
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
    this.#input.resume(this.#wire);
    if (this.#clientEnded && this.#state <= HEAD && !this.#input.taking) this.#finish();
  }

  /** Nothing more will be sent. */
  #finish(): void {
    this.#forget();
    linger(this.#shared, this.#wire);
    this.#input.release(this.#wire);
  }

  /** The client must not take what it got for a whole response. */
  #breakOff(outcome: Outcome): void {
    this.exchange.log(outcome, performance.now());
    this.#forget();
    breakOff(this.#wire.socket);
  }

  /** Sets the time for the response, or for its next bytes where the client may be gone. */
  #await(ms: number): void {
    this.#bytesSeen = this.exchange.bytesDown;
    this.#expire(this.#clientEnded ? Math.min(ms, this.#shared.timeouts.halfClosed) : ms);
  }

  #expire(ms: number): void {
    this.deadline = this.#shared.served.now + ms;
  }

  /** The deadline of the present state has passed. */
  expired(): void {
    if (this.#state === IDLE) this.#finish();
    else if (this.#state === HEAD) {
      this.exchange.begin(performance.now());
      this.failed(overdue.head());
    } else if (this.#state === BODY)
      this.failed(this.blocked ? overdue.bodyNotTaken() : overdue.body());
    else if (!this.#clientEnded) this.failed(overdue.response());
    else if (this.#wire.backlog > 0 || this.exchange.bytesDown > this.#bytesSeen)
      this.#await(Infinity);
    else this.#breakOff('closed');
  }

  get active(): boolean {
    return this.exchange.active;
  }

  drain(): void {
    if (this.#state === IDLE) this.#finish();
  }

  destroy(): void {
    this.#wire.destroy();
  }

  /** The wire is gone, or somebody else's. */
  #forget(): void {
    this.#state = GONE;
    this.#upstream.drop();
    this.#heads.release();
    this.#shared.served.delete(this);
  }
}
