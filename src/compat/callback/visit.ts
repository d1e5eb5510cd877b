/**
 * A consumer at the server: one WebSocket, joined to one stream of the service. Its 101 waits a moment
 * for the other end, so that refusals can still be told as an HTTP status.
 */
import type { Identity } from '../../access/identity.ts';
import { asSallyportError, SallyportError } from '../../errors.ts';
import { CALLBACK_UPGRADE_WAIT_MS } from '../../limits.ts';
import { refusalReply, replyLate } from '../../ingress/http/late-reply.ts';
import { readRest, type Wire } from '../../net/wire.ts';
import type { Gate, PassedStream } from '../../registry/gate.ts';
import type { WaitingRoom } from '../../registry/waiting-room.ts';
import type { StreamRequest } from '../../registry/upstream.ts';
import { Relay } from '../../session/relay.ts';
import type { StreamReceiver } from '../../session/session.ts';
import { WebSocketStream } from '../../session/websocket-stream.ts';

export interface VisitOptions {
  readonly request: StreamRequest;
  readonly caller: Identity | null | Promise<Identity | null>;
  /** The 101 that grants the upgrade. */
  readonly agreement: Buffer;
  /** The consumer understands an empty message as the end of a direction. */
  readonly halfClose: boolean;
  readonly gate: Gate;
  readonly challenge: string | null;
  /** A place to wait for its service, which is away; null: it is not waited for. `until`: of an earlier wait. */
  away(until?: number): ReturnType<WaitingRoom['enter']>;
  readonly events: VisitEvents;
}

export interface VisitEvents {
  /** The consumer got its 101. */
  upgraded(visit: Visit): void;
  /** Both ends are done with. `error` is null when they ended in order. */
  over(visit: Visit, error: SallyportError | null): void;
  /** The socket is gone: the last call. */
  closed(visit: Visit): void;
}

export class Visit implements StreamReceiver {
  readonly request: StreamRequest;
  readonly stream: WebSocketStream;
  readonly startedAt = performance.now();
  #options: VisitOptions;
  #wire: Wire;
  #relay: Relay;
  #passed: PassedStream | null = null;
  #upgraded = false;
  #over = false;
  #timer: NodeJS.Timeout;
  #rest: Buffer;
  /** The place where it waits for its service to come back. */
  #place: ReturnType<WaitingRoom['enter']> = null;
  #waitsUntil: number | undefined;

  constructor(wire: Wire, rest: Buffer, options: VisitOptions) {
    this.#wire = wire;
    this.#options = options;
    this.request = options.request;
    this.stream = new WebSocketStream(wire, 'none', options.halfClose ? 'message' : 'close', this);
    this.stream.onClosed = () => options.events.closed(this);
    this.#relay = this.#newRelay();
    this.#timer = setTimeout(() => this.#hurry(), CALLBACK_UPGRADE_WAIT_MS);
    this.#rest = rest;
  }

  /** Opens the stream; the events are called from now on. */
  start(): void {
    this.#open();
    readRest(this.stream, this.#rest);
  }

  /** Bytes from the consumer towards the target, and back. */
  get bytesUp(): number {
    return this.stream.bytesReceived;
  }

  get bytesDown(): number {
    return this.stream.bytesSent;
  }

  #newRelay(): Relay {
    return new Relay(this.stream, {
      accepted: () => this.#upgrade(),
      refused: (error) => this.#refused(error),
      over: (_, error) => {
        if (this.#place === null) this.#finish(error);
      },
    });
  }

  #open(): void {
    const { gate, caller } = this.#options;
    try {
      this.#passed = gate.open(this.request, this.#relay.down, { caller });
      this.#relay.join(this.#passed.stream);
    } catch (thrown) {
      this.#relay.over(asSallyportError(thrown), null);
    }
  }

  #upgrade(): void {
    if (this.#upgraded || this.#over) return;
    this.#upgraded = true;
    clearTimeout(this.#timer);
    this.#wire.write(this.#options.agreement);
    this.stream.receiver = this.#relay.up;
    this.#options.events.upgraded(this);
  }

  /** The other end takes its time; the consumer would give up. A stream that waits has no other end yet. */
  #hurry(): void {
    if (this.#passed?.upstream) this.#upgrade();
    else this.#timer.refresh();
  }

  #refused(error: SallyportError): void {
    if (this.#upgraded) this.stream.reset(error);
    else if (error.code !== 'SERVICE_ABSENT' || !this.#wait()) this.#reply(error);
  }

  #reply(error: SallyportError): void {
    const unknown = error.code === 'SERVICE_ABSENT' || error.code === 'SERVICE_UNKNOWN';
    const reply = refusalReply(error, this.#options.challenge, unknown ? 404 : undefined);
    replyLate(this.#wire, reply);
  }

  /** Waits for the service to come back, then opens its stream anew. False: it is not waited for. */
  #wait(): boolean {
    const place = this.#options.away(this.#waitsUntil);
    if (place === null) return false;
    this.#place = place;
    this.#waitsUntil = place.until;
    place.arrived.then(
      () => this.#again(),
      (thrown: unknown) => this.#turnAway(asSallyportError(thrown)),
    );
    return true;
  }

  #again(): void {
    this.#place = null;
    this.#relay = this.#newRelay();
    this.#open();
  }

  /** The consumer has no 101 yet, and gets none. */
  #turnAway(error: SallyportError): void {
    this.#place?.leave();
    this.#place = null;
    this.#reply(error);
    this.#finish(error);
  }

  #finish(error: SallyportError | null): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#options.events.over(this, error);
  }

  // ---- The consumer, before its 101: it should not say anything yet ----

  data(): void {
    if (this.#over) return;
    this.#passed?.stream.reset();
    this.#turnAway(early);
  }

  finished(): void {
    this.reset(left);
  }

  reset(error: SallyportError): void {
    this.#place?.leave();
    this.#place = null;
    this.#relay.over(error, this.stream);
    this.#finish(error);
  }

  drained(): void {}

  // ---- Signs of life, for a heartbeat ----

  takeActivity(): boolean {
    return this.stream.takeActivity();
  }

  ping(): void {
    this.stream.ping();
  }

  close(error: SallyportError | null): void {
    if (this.#upgraded) return this.stream.close(error);
    if (this.#over) return;
    this.#passed?.stream.reset();
    this.#turnAway(error ?? left);
  }
}

const early = new SallyportError('REQUEST_INVALID', 'upgrade: bytes came before it was granted');
const left = new SallyportError('STREAM_RESET', 'stream: its consumer left before it was open');
