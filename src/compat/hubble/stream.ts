/**
 * A Hubble session as a stream. Orders count from 1 in each direction; nothing is sent before the
 * far end has acknowledged, and then, to an original, not at once: it acknowledges before it is
 * ready to take data.
 *
 * Originals end a session in both directions at once. What that makes of `end` depends on who is on
 * the other side: an agent of ours is told that one direction ended; an original that opened the
 * session is told that it is over; one that serves it is told so when it has nothing more to say.
 */
import { SallyportError } from '../../errors.ts';
import {
  HUBBLE_HALF_CLOSED_QUIET_MS,
  HUBBLE_LINGER_MS,
  HUBBLE_SETTLE_MS,
  STREAM_ANSWER_TIMEOUT_MS,
} from '../../limits.ts';
import type { Slab } from '../../net/slab.ts';
import type { UpstreamReceiver } from '../../registry/upstream.ts';
import type { Stream, StreamEnd } from '../../session/session.ts';
import type { Ending } from './messages.ts';
import { refusalText } from './refusal.ts';

/** What a session needs of the link it runs over. */
export interface SessionCarrier {
  /** The other end understands endings of one direction. */
  readonly knowsEnd: boolean;
  /** The other end is a proxy: it knows what became of the far end. */
  readonly towardsProxy: boolean;
  readonly writable: boolean;
  /** Sends data in messages numbered from `order + 1` on; answers the last number. */
  sendData(guid: string, order: number, data: Buffer): number;
  sendAck(guid: string, refusal: string | null): void;
  sendEnd(guid: string, ending: Ending): void;
  /** The session waits for the link to be writable. */
  wait(stream: HubbleStream): void;
  /** So many bytes more, or fewer, were delivered and not taken. */
  untaken(bytes: number): void;
  /** The session is over. */
  left(stream: HubbleStream): void;
}

type State = 'asked' | 'settling' | 'open' | 'over';

export class HubbleStream implements Stream {
  readonly id = 0;
  readonly guid: string;
  receiver: UpstreamReceiver;
  onOver: ((end: StreamEnd) => void) | null = null;
  bytesSent = 0;
  bytesReceived = 0;
  /** Delivered and not credited. */
  untaken = 0;
  /** Something was credited since this was last set to false. */
  progressed = false;
  readonly #carrier: SessionCarrier;
  /** This end asked for the session. */
  readonly #ours: boolean;
  #state: State = 'asked';
  #sentOrder = 0;
  #receivedOrder = 0;
  #held: Buffer[] = [];
  #ended = false;
  #peerEnded = false;
  /** The peer takes nothing more: what is written is lost. */
  #deaf = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(carrier: SessionCarrier, guid: string, ours: boolean, receiver: UpstreamReceiver) {
    this.#carrier = carrier;
    this.guid = guid;
    this.#ours = ours;
    this.receiver = receiver;
    if (ours) this.#after(STREAM_ANSWER_TIMEOUT_MS, () => this.#late());
  }

  get over(): boolean {
    return this.#state === 'over';
  }

  get writable(): boolean {
    return this.#deaf || (this.#state === 'open' && this.#carrier.writable);
  }

  // ---- Sending ----

  write(slab: Slab, start: number, end: number): void {
    this.send(slab.bytes.subarray(start, end));
  }

  send(bytes: Buffer): void {
    if (this.over || this.#ended) return;
    this.bytesSent += bytes.length;
    if (this.#deaf) return;
    if (this.#state === 'open') this.#send(bytes);
    else this.#held.push(Buffer.from(bytes));
  }

  #send(bytes: Buffer): void {
    this.#sentOrder = this.#carrier.sendData(this.guid, this.#sentOrder, bytes);
    if (!this.#carrier.writable) this.#carrier.wait(this);
  }

  end(): void {
    if (this.over || this.#ended) return;
    this.#ended = true;
    if (this.#state === 'open') this.#tellEnd();
  }

  #tellEnd(): void {
    const { knowsEnd, towardsProxy } = this.#carrier;
    if (this.#deaf) return this.#leave('ok');
    if (towardsProxy || knowsEnd) {
      this.#carrier.sendEnd(this.guid, 'half');
      if (this.#peerEnded) this.#leave('ok');
    } else if (this.#peerEnded || !this.#ours) {
      this.#endWhole();
    } else {
      this.#awaitQuiet();
    }
  }

  #awaitQuiet(): void {
    this.#after(HUBBLE_HALF_CLOSED_QUIET_MS, () => this.#endWhole());
  }

  /** Tells an original that the session is over: both its directions end. */
  #endWhole(): void {
    this.#carrier.sendEnd(this.guid, 'whole');
    const told = this.#peerEnded;
    this.#leave('ok');
    if (!told) this.receiver.finished();
  }

  reset(why?: SallyportError): void {
    if (this.over) return;
    if (this.#state === 'asked' && !this.#ours)
      this.#carrier.sendAck(this.guid, why === undefined ? 'closed' : refusalText(why));
    else if (!this.#deaf) this.#carrier.sendEnd(this.guid, 'reset');
    this.#leave(why ?? 'closed');
  }

  credit(n: number): void {
    const taken = Math.min(n, this.untaken);
    this.untaken -= taken;
    this.progressed = true;
    this.#carrier.untaken(-taken);
  }

  // ---- The answer to the opening ----

  /** Accepts what the other end asked for, or refuses it. */
  answer(refusal: SallyportError | null): void {
    if (this.#state !== 'asked') return;
    if (refusal !== null) return this.reset(refusal);
    this.#carrier.sendAck(this.guid, null);
    this.#open();
  }

  /** The other end accepted what we asked for. */
  acknowledged(): void {
    if (this.#state !== 'asked' || !this.#ours) return;
    this.#state = 'settling';
    if (this.#carrier.knowsEnd) this.#open();
    else this.#after(HUBBLE_SETTLE_MS, () => this.#open());
    this.receiver.accepted?.();
  }

  /** The other end refused it. */
  refused(error: SallyportError): void {
    if (this.#state === 'asked' && this.#ours) this.broken(error);
  }

  #late(): void {
    const why = `not acknowledged within ${STREAM_ANSWER_TIMEOUT_MS} ms`;
    this.#fail(new SallyportError('RESPONSE_TIMEOUT', `hubble session: ${why}`));
  }

  #open(): void {
    this.#clear();
    this.#state = 'open';
    for (const bytes of this.#held.splice(0)) this.#send(bytes);
    if (this.#ended) this.#tellEnd();
    else if (this.#carrier.writable) this.receiver.drained();
    else this.#carrier.wait(this);
  }

  // ---- Receiving ----

  data(slab: Slab, start: number, end: number, order: number): void {
    if (this.#peerEnded) return;
    if (this.#state === 'asked')
      return this.#fail(broken('data came before the session was acknowledged'));
    if (order !== this.#receivedOrder + 1)
      return this.#fail(broken(`data ${order} came where ${this.#receivedOrder + 1} was due`));
    this.#receivedOrder = order;
    if (this.#ended && this.#timer !== null) this.#awaitQuiet();
    const n = end - start;
    if (n === 0) return;
    this.bytesReceived += n;
    this.untaken += n;
    this.#carrier.untaken(n);
    this.receiver.data(slab, start, end);
  }

  /** The other end says that the session has ended. */
  peerEnded(ending: Ending): void {
    if (this.over) return;
    if (this.#state === 'asked' || ending === 'reset')
      return this.broken(
        new SallyportError('STREAM_RESET', 'stream: broken off by its Hubble end'),
      );
    const before = this.#peerEnded;
    this.#peerEnded = true;
    if (ending === 'whole') this.#turnDeaf();
    if (!before) this.receiver.finished();
    if (!this.over && this.#ended) this.#leave('ok');
  }

  #turnDeaf(): void {
    if (this.#deaf) return;
    this.#deaf = true;
    this.#held = [];
    // The originals' proxy tells both ends, also the one that said it.
    if (!this.#carrier.towardsProxy) this.#carrier.sendEnd(this.guid, 'whole');
    this.#state = 'open';
    this.#after(HUBBLE_LINGER_MS, () =>
      this.broken(new SallyportError('STREAM_RESET', 'stream: its Hubble end has closed')),
    );
    this.receiver.drained();
  }

  /** Its peer broke the rules, or did not answer. */
  #fail(error: SallyportError): void {
    this.#carrier.sendEnd(this.guid, 'reset');
    this.broken(error);
  }

  /** The session is gone, and its receiver is told why. */
  broken(error: SallyportError): void {
    if (this.over) return;
    this.#leave(error);
    this.receiver.reset(error);
  }

  #leave(end: StreamEnd): void {
    this.#clear();
    this.#state = 'over';
    this.#held = [];
    this.#carrier.left(this);
    this.#carrier.untaken(-this.untaken);
    this.untaken = 0;
    this.onOver?.(end);
  }

  #after(ms: number, then: () => void): void {
    this.#clear();
    this.#timer = setTimeout(then, ms).unref();
  }

  #clear(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }
}

function broken(why: string): SallyportError {
  return new SallyportError('PROTOCOL_MESSAGE', `hubble session: ${why}`);
}
