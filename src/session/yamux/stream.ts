/** One yamux stream: its two windows, its two half-closes, and what waits for the peer's window. */
import { QUIET_READ_BYTES, INITIAL_WINDOW_BYTES, PEER_WINDOW_MAX_BYTES } from '../../limits.ts';
import type { SallyportError } from '../../errors.ts';
import type { Slab } from '../../net/slab.ts';
import type { Stream, StreamEnd, StreamReceiver } from '../session.ts';
import type { TableEntry } from '../stream-table.ts';
import { FLAG_FIN, FLAG_RST, TYPE_WINDOW, violation } from './frame.ts';
import type { Outbox, Waiter } from './outbox.ts';
import { windowWaitBegins, windowWaitEnds } from './window-wait.ts';
import { ReceiveWindow, type WindowBudget } from './window.ts';

/** What a stream needs of its session. */
export interface StreamHome {
  readonly outbox: Outbox;
  readonly budget: WindowBudget;
  readonly rtt: number;
  forget(stream: YamuxStream): void;
}

/** Bytes `[start, end)` that wait for the peer's window: of a slab that is held for them, or a copy. */
interface Held {
  readonly bytes: Buffer;
  readonly slab: Slab | null;
  start: number;
  readonly end: number;
}

const BLOCKED_BY_WINDOW = 1;
const BLOCKED_BY_LINK = 2;

export class YamuxStream implements Stream, Waiter, TableEntry<YamuxStream> {
  readonly id: number;
  sharer: YamuxStream | null = null;
  receiver: StreamReceiver;
  bytesSent = 0;
  bytesReceived = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  #home: StreamHome;
  #window = new ReceiveWindow();
  #sendWindow = INITIAL_WINDOW_BYTES;
  #blocked = 0;
  #held: Held[] | null = null;
  #ended = false;
  #sentFin = false;
  #gotFin = false;
  #gone = false;

  constructor(home: StreamHome, id: number, receiver: StreamReceiver) {
    this.#home = home;
    this.id = id;
    this.receiver = receiver;
  }

  // ---- Sending ----

  get over(): boolean {
    return this.#gone;
  }

  get writable(): boolean {
    return this.#blocked === 0;
  }

  write(slab: Slab, start: number, end: number): void {
    if (this.#gone || this.#ended) return;
    this.bytesSent += end - start;
    const allowed = this.#held === null ? Math.min(end - start, this.#sendWindow) : 0;
    if (allowed > 0) {
      const stop = start + allowed;
      this.#sendWindow -= allowed;
      if (slab.shared || allowed < SMALL_BYTES) this.#copy(slab.bytes, start, stop);
      else this.#pass(slab, start, stop);
      start = stop;
    }
    if (start < end) this.#hold(slab, start, end);
    this.#checkBlocked();
  }

  send(bytes: Buffer): void {
    if (this.#gone || this.#ended) return;
    this.bytesSent += bytes.length;
    const allowed = this.#held === null ? Math.min(bytes.length, this.#sendWindow) : 0;
    this.#sendWindow -= allowed;
    this.#copy(bytes, 0, allowed);
    if (allowed < bytes.length) this.#holdCopy(bytes, allowed, bytes.length);
    this.#checkBlocked();
  }

  /** Copies into small frames; larger ones would overflow the gathering buffer. */
  #copy(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at += QUIET_READ_BYTES) {
      this.#home.outbox.copy(this.id, bytes, at, Math.min(end, at + QUIET_READ_BYTES));
    }
  }

  /** Sends bytes where they stand. */
  #pass(slab: Slab, start: number, end: number): void {
    const { outbox } = this.#home;
    if (slab.refs === 1) outbox.inPlace(this.id, slab, start, end);
    else outbox.byReference(this.id, slab, start, end);
  }

  /** A copy would be copied again when it leaves: the slab itself waits where there are enough. */
  #hold(slab: Slab, start: number, end: number): void {
    if (slab.shared || end - start < SMALL_BYTES || slab.pool!.scarce)
      return this.#holdCopy(slab.bytes, start, end);
    slab.retain();
    (this.#held ??= []).push({ bytes: slab.bytes, slab, start, end });
  }

  #holdCopy(from: Buffer, start: number, end: number): void {
    const bytes = Buffer.from(from.subarray(start, end));
    (this.#held ??= []).push({ bytes, slab: null, start: 0, end: bytes.length });
  }

  #checkBlocked(): void {
    if (this.#sendWindow === 0 && !this.#gone && !(this.#blocked & BLOCKED_BY_WINDOW)) {
      this.#blocked |= BLOCKED_BY_WINDOW;
      windowWaitBegins();
    }
    if (this.#home.outbox.full && !(this.#blocked & BLOCKED_BY_LINK)) {
      this.#blocked |= BLOCKED_BY_LINK;
      this.#home.outbox.wait(this);
    }
  }

  linkReady(): void {
    this.#unblock(BLOCKED_BY_LINK);
  }

  #unblock(reason: number): void {
    if (this.#gone || !(this.#blocked & reason)) return;
    this.#blocked &= ~reason;
    if (reason === BLOCKED_BY_WINDOW) windowWaitEnds();
    if (this.#blocked === 0) this.receiver.drained();
  }

  end(): void {
    if (this.#gone || this.#ended) return;
    this.#ended = true;
    if (this.#held === null) this.#sendFin();
  }

  #sendFin(): void {
    this.#sentFin = true;
    this.#home.outbox.header(TYPE_WINDOW, FLAG_FIN, this.id, 0);
    if (this.#gotFin) this.#leave('ok');
  }

  reset(why?: SallyportError): void {
    if (this.#gone) return;
    this.#home.outbox.header(TYPE_WINDOW, FLAG_RST, this.id, 0);
    this.#leave(why ?? 'closed');
  }

  // ---- Receiving ----

  credit(n: number): void {
    if (this.#gone || this.#gotFin) return;
    const increment = this.#window.consume(n, this.#home.rtt, this.#home.budget);
    if (increment > 0) this.#home.outbox.header(TYPE_WINDOW, 0, this.id, increment);
  }

  /** A data frame of `length` bytes was announced. Throws when the peer exceeds its window. */
  announced(length: number): void {
    if (this.#gotFin) throw violation(`data on stream ${this.id} after its end`);
    if (length > this.#window.open) {
      throw violation(`${length} bytes on stream ${this.id}, whose window is ${this.#window.open}`);
    }
    this.#window.open -= length;
    this.bytesReceived += length;
  }

  /** The peer's window grew. */
  credited(increment: number): void {
    this.#sendWindow += increment;
    if (this.#sendWindow > PEER_WINDOW_MAX_BYTES) {
      throw violation(`the window of stream ${this.id} was raised above ${PEER_WINDOW_MAX_BYTES}`);
    }
    this.#sendHeld();
    if (this.#held === null && this.#sendWindow > 0) this.#unblock(BLOCKED_BY_WINDOW);
  }

  #sendHeld(): void {
    const held = this.#held;
    if (held === null) return;
    while (held.length > 0 && this.#sendWindow > 0) {
      const { bytes, slab, start, end } = held[0];
      const n = Math.min(end - start, this.#sendWindow);
      this.#sendWindow -= n;
      held[0].start += n;
      if (slab === null || n < SMALL_BYTES) this.#copy(bytes, start, start + n);
      else this.#pass(slab, start, start + n);
      if (start + n === end) {
        slab?.release();
        held.shift();
      }
    }
    if (held.length > 0) return;
    this.#held = null;
    if (this.#ended) this.#sendFin();
  }

  /** The peer sent FIN. */
  finReceived(): void {
    if (this.#gotFin) throw violation(`stream ${this.id} was ended twice`);
    this.#gotFin = true;
    const { receiver } = this;
    if (this.#sentFin) this.#leave('ok');
    receiver.finished();
  }

  /** The peer reset the stream, or the session ended. */
  broken(error: SallyportError): void {
    if (this.#gone) return;
    this.#leave(error);
    this.receiver.reset(error);
  }

  #leave(end: StreamEnd): void {
    this.#gone = true;
    this.#held?.forEach(({ slab }) => slab?.release());
    this.#held = null;
    if (this.#blocked & BLOCKED_BY_WINDOW) windowWaitEnds();
    this.#window.release(this.#home.budget);
    this.#home.forget(this);
    this.onOver?.(end);
  }
}

/** Below this a copy costs less than a system call of its own. */
const SMALL_BYTES = 4096;
