/**
 * A link over single requests. Both directions are numbered byte by byte: what is lost is sent again,
 * and what comes twice is dropped, so that requests may fail, be repeated and overtake each other.
 */
import type { SallyportError } from '../../errors.ts';
import {
  LINK_SLAB_BYTES,
  POLL_AHEAD_BYTES,
  POLL_KEPT_MAX_BYTES,
  POLL_UNACKNOWLEDGED_MAX_BYTES,
  POLL_WINDOW_MIN_BYTES,
} from '../../limits.ts';
import { HEADROOM, SlabPool } from '../../net/slab.ts';
import type { Link, LinkReceiver } from '../link.ts';
import { SentBytes } from './sent-bytes.ts';

const slabs = new SlabPool(LINK_SLAB_BYTES);

/** Slabs of polled links that somebody holds, in this process. */
export function pollSlabsOut(): number {
  return slabs.out;
}

/** What the links of this process have sent, or will send, and was not acknowledged yet. */
let kept = 0;

export function pollBytesKept(): number {
  return kept;
}

/** Brings the bytes of one link across: the client's requests, or the server's answers. */
export interface PollCarrier {
  /** There is something to send. */
  wake(): void;
  /** Nothing more will be sent; `error` is for the peer, once it has all bytes. */
  shut(error: SallyportError | null): void;
}

export class PollLink implements Link {
  /** How far the peer's bytes have come. */
  received = 0;
  readonly #sent = new SentBytes();
  #carrier: PollCarrier;
  #receiver: LinkReceiver | null = null;
  /** Bytes that came before there was a receiver. */
  #early: Buffer[] = [];
  #leaving: { readonly offset: number; done(): void }[] = [];
  #over: { readonly error: SallyportError | null } | null = null;
  #told = false;

  constructor(carrier: PollCarrier) {
    this.#carrier = carrier;
  }

  // ---- Link ----

  send(bytes: Buffer, start: number, end: number): boolean {
    if (this.#over !== null) return true;
    this.#keep(bytes.subarray(start, end));
    this.#carrier.wake();
    return true;
  }

  sendPair(head: Buffer, start: number, end: number, body: Buffer): boolean {
    if (this.#over !== null) return true;
    this.#keep(head.subarray(start, end));
    this.#keep(body);
    this.#carrier.wake();
    return true;
  }

  #keep(bytes: Buffer): void {
    this.#sent.append(bytes);
    kept += bytes.length;
  }

  /** Without what the next request may take: it is gathered while one is on its way. */
  get backlog(): number {
    const ahead = kept > POLL_KEPT_MAX_BYTES ? 0 : POLL_AHEAD_BYTES;
    return Math.max(0, this.#unsent - ahead);
  }

  get #unsent(): number {
    return this.#sent.end - this.#sent.sent;
  }

  afterSends(done: () => void): void {
    if (this.#unsent === 0) queueMicrotask(done);
    else this.#leaving.push({ offset: this.#sent.end, done });
  }

  receive(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    for (const bytes of this.#early.splice(0)) this.#deliver(bytes);
    if (this.#over !== null) this.#tell();
  }

  close(error: SallyportError | null): void {
    if (this.#over !== null) return;
    this.#over = { error };
    this.#carrier.shut(error);
    this.#tell();
  }

  #tell(): void {
    for (const { done } of this.#leaving.splice(0)) done();
    if (this.#told || this.#receiver === null) return;
    this.#told = true;
    this.#receiver.closed(this.#over!.error);
  }

  // ---- The carrier ----

  /** The link is over, and its peer knows or cannot be told. Null: closed in order. */
  lost(error: SallyportError | null): void {
    if (this.#over === null) {
      this.#over = { error };
      this.#tell();
    }
    kept -= this.#sent.kept;
    this.#sent.clear();
  }

  /** Offset of the next byte to send. */
  get nextToSend(): number {
    return this.#sent.sent;
  }

  /** Every byte has arrived at the peer. */
  get delivered(): boolean {
    return this.#sent.acknowledged === this.#sent.end;
  }

  /** Something can be sent now: there is some, and the peer has acknowledged enough. */
  get sendable(): boolean {
    return this.#unsent > 0 && this.#unacknowledged < this.#window;
  }

  get #window(): number {
    return kept > POLL_KEPT_MAX_BYTES ? POLL_WINDOW_MIN_BYTES : POLL_UNACKNOWLEDGED_MAX_BYTES;
  }

  get #unacknowledged(): number {
    return this.#sent.sent - this.#sent.acknowledged;
  }

  /** Takes up to `max` bytes to send. */
  take(max: number): Buffer[] {
    const room = this.#window - this.#unacknowledged;
    const taken = this.#sent.take(Math.min(max, room));
    while (this.#leaving.length > 0 && this.#leaving[0].offset <= this.#sent.sent)
      this.#leaving.shift()!.done();
    return taken;
  }

  /** The peer has so many bytes. Answers false for a number that cannot be. */
  acknowledge(offset: number): boolean {
    const before = this.#sent.kept;
    const valid = this.#sent.acknowledge(offset);
    kept += this.#sent.kept - before;
    return valid;
  }

  /** Whether the peer asks for what comes next, or what it has not acknowledged yet. */
  acknowledged(offset: number): boolean {
    return this.#sent.acknowledged === offset;
  }

  /** What the peer has not acknowledged goes out again. */
  rewind(): void {
    this.#sent.rewind();
  }

  /** Every byte before `offset` has arrived at the peer. */
  deliveredTo(offset: number): boolean {
    return this.#sent.acknowledged >= offset;
  }

  /** Bytes of the peer's, the first of them at `offset`. False: others before them are missing. */
  arrived(offset: number, bytes: Buffer): boolean {
    if (offset > this.received) return false;
    const fresh = bytes.subarray(this.received - offset);
    if (fresh.length === 0 || this.#over !== null) return true;
    this.received += fresh.length;
    if (this.#receiver === null) this.#early.push(Buffer.from(fresh));
    else this.#deliver(fresh);
    return true;
  }

  #deliver(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && this.#over === null;) {
      const slab = slabs.take();
      const n = bytes.copy(slab.room, 0, at);
      at += n;
      this.#receiver!.bytes(slab, HEADROOM, HEADROOM + n);
      slab.release();
    }
  }
}
