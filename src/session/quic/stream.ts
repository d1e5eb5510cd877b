/**
 * One stream of a session over QUIC: a QUIC stream that begins, in the direction of whoever opened it,
 * with one byte, so that the other end hears of it before there is anything to send.
 *
 * Each direction ends with one byte more, in the same breath as QUIC's own end: an end that travels
 * alone is not sent again by the library once the other direction is over, and its datagram may be
 * lost. The last byte is sent until it has arrived, and the end with it. An end without that byte is
 * none: the library also sends one for a stream that was broken off before all its bytes had left.
 */
import type { SallyportError } from '../../errors.ts';
import { INITIAL_WINDOW_BYTES } from '../../limits.ts';
import { HEADROOM, quietSlab, type Slab, type SlabPool } from '../../net/slab.ts';
import type { QuicConnection } from '../../transport/quic/connection.ts';
import type { Stream, StreamEnd, StreamReceiver } from '../session.ts';
import { violation } from './signals.ts';

export const OPENING = Buffer.from([1]);
export const CLOSING = Buffer.from([0]);
const nothing = Buffer.alloc(0);
const nothingCame = [0, false] as const;
/** Where a byte is read to while nothing may be delivered. */
const single = Buffer.alloc(1);

/** What a stream needs of its session. */
export interface QuicStreamHome {
  readonly connection: QuicConnection;
  readonly pool: SlabPool;
  /** It could not send all it has: `flush` is to be called when something has arrived. */
  wait(stream: QuicStream): void;
  /** The peer takes nothing more on it: `broken` follows, in a later turn. */
  stopped(stream: QuicStream): void;
  /** So many bytes more were taken by QUIC and given by it; less, when the stream is broken off. */
  counted(taken: number, given: number): void;
  /** It holds a byte that may be delivered now: `readable` is to be called. */
  resumed(stream: QuicStream): void;
  /** It has nothing to do with the peer any more, unless it waits. */
  forget(stream: QuicStream): void;
  /** It was broken off: after its end was sent the peer cannot see that on the stream itself. */
  tellReset(id: number): void;
}

export class QuicStream implements Stream {
  readonly id: number;
  receiver: StreamReceiver;
  bytesSent = 0;
  bytesReceived = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  #home: QuicStreamHome;
  #held: Buffer[] | null = null;
  /** What may be delivered before some of it is credited. Beyond it QUIC's own window fills. */
  #window = INITIAL_WINDOW_BYTES;
  /** The byte behind the window, which was read because it could have been the closing one; -1: none. */
  #early = -1;
  #opened: boolean;
  #ended = false;
  #sentEnd = false;
  #gotEnd = false;
  #gone = false;
  #brokenOff = false;
  /** Bytes that QUIC took, and that it gave, the opening byte included. */
  #taken = 0;
  #given = 0;

  /** `own`: opened by this end. */
  constructor(home: QuicStreamHome, id: number, receiver: StreamReceiver, own: boolean) {
    this.#home = home;
    this.id = id;
    this.receiver = receiver;
    this.#opened = own;
    if (own) this.#send(OPENING, 0, 1);
  }

  // ---- Sending ----

  get over(): boolean {
    return this.#gone;
  }

  get writable(): boolean {
    return this.#held === null;
  }

  write(slab: Slab, start: number, end: number): void {
    this.#take(slab.bytes, start, end);
  }

  send(bytes: Buffer): void {
    this.#take(bytes, 0, bytes.length);
  }

  #take(bytes: Buffer, start: number, end: number): void {
    if (this.#gone || this.#ended || start === end) return;
    this.bytesSent += end - start;
    this.#send(bytes, start, end);
  }

  /** Gives to QUIC what it takes, and keeps a copy of the rest. */
  #send(bytes: Buffer, start: number, end: number): void {
    let at = start;
    if (this.#held === null) {
      const taken = this.#home.connection.send(this.id, bytes.subarray(start, end));
      if (taken < 0) return this.#home.stopped(this);
      this.#count(taken, 0);
      at += taken;
      if (at === end) return;
      this.#held = [];
      this.#home.wait(this);
    }
    this.#held.push(Buffer.from(bytes.subarray(at, end)));
  }

  /** Sends what is held. True: something of it left. */
  flush(): boolean {
    const held = this.#held;
    if (held === null) return true;
    let progress = false;
    while (held.length > 0) {
      const taken = this.#home.connection.send(this.id, held[0]);
      if (taken < 0) {
        this.#held = null;
        this.#home.stopped(this);
        return true;
      }
      progress ||= taken > 0;
      this.#count(taken, 0);
      if (taken < held[0].length) {
        held[0] = held[0].subarray(taken);
        return progress;
      }
      held.shift();
    }
    this.#held = null;
    if (this.#ended) this.#sendEnd();
    if (!this.#gone && !this.#ended) this.receiver.drained();
    return true;
  }

  end(): void {
    if (this.#gone || this.#ended) return;
    this.#ended = true;
    this.#send(CLOSING, 0, 1);
    if (this.#held === null) this.#sendEnd();
  }

  #sendEnd(): void {
    if (!this.#home.connection.sendEnd(this.id)) {
      this.#held = [nothing];
      return this.#home.wait(this);
    }
    this.#sentEnd = true;
    if (this.#gotEnd) this.#leave('ok');
  }

  reset(why?: SallyportError): void {
    if (this.#gone) return;
    this.#breakOff();
    this.#home.tellReset(this.id);
    this.#leave(why ?? 'closed');
  }

  // ---- Receiving ----

  credit(n: number): void {
    if (this.#gone || this.#gotEnd) return;
    const stood = this.#window <= 0;
    this.#window += n;
    if (!stood || this.#window <= 0) return;
    if (this.#early >= 0) this.#home.resumed(this);
    this.#home.connection.wake();
  }

  /** There is something to read. Throws PROTOCOL_FRAME for a stream that begins wrongly. */
  readable(reset: SallyportError): void {
    while (!this.#gone && !this.#gotEnd) {
      const open = this.#window > 0;
      if (!open && this.#early >= 0) return;
      const slab = open ? (this.#home.pool.tryTake() ?? quietSlab) : null;
      let more: boolean;
      try {
        more = this.#read(slab, reset);
      } finally {
        if (slab !== null && !slab.shared) slab.release();
      }
      if (!more) return;
    }
  }

  /** Reads once: what the window allows, and a byte more, for that may be the closing one. False: there is no more. */
  #read(slab: Slab | null, reset: SallyportError): boolean {
    const room = slab === null ? single : slab.room.subarray(0, this.#window + 1);
    const before = this.#early >= 0 ? 1 : 0;
    if (before === 1) room[0] = this.#early;
    const got = this.#home.connection.receive(this.id, room.subarray(before));
    if (typeof got === 'number') {
      this.broken(reset);
      return false;
    }
    if (got === null && before === 0) return false;
    const [read, end] = got ?? nothingCame;
    this.#count(0, read);
    this.#early = -1;
    let length = before + read;
    if (end) {
      if (length === 0 || room[length - 1] !== CLOSING[0]) {
        this.broken(reset);
        return false;
      }
      length--;
    } else if (length > this.#window) this.#early = room[--length];
    if (length > 0) this.#deliver(slab!, length);
    if (end) this.#finish();
    return got !== null;
  }

  #deliver(slab: Slab, length: number): void {
    let start = HEADROOM;
    if (!this.#opened) {
      this.#opened = true;
      if (slab.bytes[start] !== OPENING[0]) throw violation(`stream ${this.id} begins wrongly`);
      start++;
    }
    const end = HEADROOM + length;
    if (start === end) return;
    this.#window -= end - start;
    this.bytesReceived += end - start;
    this.receiver.data(slab, start, end);
  }

  #finish(): void {
    if (this.#gone || this.#gotEnd) return;
    this.#gotEnd = true;
    const { receiver } = this;
    if (this.#sentEnd) this.#leave('ok');
    receiver.finished();
  }

  // ---- Ends ----

  /** The peer broke it off. */
  broken(error: SallyportError): void {
    this.#breakOff();
    if (this.#gone) return;
    this.#leave(error);
    this.receiver.reset(error);
  }

  /** The session is over; what is held may still leave. */
  severed(error: SallyportError): void {
    if (this.#gone) return;
    this.#leave(error);
    this.receiver.reset(error);
  }

  #count(taken: number, given: number): void {
    this.#taken += taken;
    this.#given += given;
    this.#home.counted(taken, given);
  }

  #breakOff(): void {
    if (this.#brokenOff) return;
    this.#brokenOff = true;
    this.#held = null;
    this.#home.counted(-this.#taken, -this.#given);
    this.#home.connection.reset(this.id);
  }

  #leave(end: StreamEnd): void {
    this.#gone = true;
    this.#home.forget(this);
    this.onOver?.(end);
  }
}
