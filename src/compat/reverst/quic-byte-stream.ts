/** One stream of a QUIC connection, in both directions or in one, as HTTP/3 uses it. */
import { HTTP3_STREAM_UNTAKEN_BYTES } from '../../limits.ts';
import type { QuicConnection } from '../../transport/quic/connection.ts';
import type { ByteReceiver, ByteStream } from './http3/byte-stream.ts';
import { H3 } from './http3/fault.ts';

/** What a stream needs of its connection. */
export interface QuicByteStreamHome {
  readonly connection: QuicConnection;
  /** It could not send all it has: `flush` is to be called when something has arrived. */
  wait(stream: QuicByteStream): void;
  /** The peer takes nothing more of it: `stopped` is to be called in a later turn. */
  halted(stream: QuicByteStream): void;
  /** Both directions are over. */
  forget(stream: QuicByteStream): void;
}

/** Which directions a stream has. */
export interface Directions {
  readonly sends: boolean;
  readonly hears: boolean;
}

const nothing = Buffer.alloc(0);
/** Every stream is read into it: a receiver has what it gets only until it returns. */
const room = Buffer.allocUnsafe(HTTP3_STREAM_UNTAKEN_BYTES);

export class QuicByteStream implements ByteStream {
  readonly id: number;
  receiver: ByteReceiver;
  readonly #home: QuicByteStreamHome;
  /** What QUIC did not take yet; null: all is gone. */
  #held: Buffer[] | null = null;
  #ended = false;
  #sendingOver: boolean;
  #hearingOver: boolean;
  /** What may be delivered before some of it is credited. */
  #window = HTTP3_STREAM_UNTAKEN_BYTES;

  constructor(
    home: QuicByteStreamHome,
    id: number,
    receiver: ByteReceiver,
    directions: Directions,
  ) {
    this.#home = home;
    this.id = id;
    this.receiver = receiver;
    this.#sendingOver = !directions.sends;
    this.#hearingOver = !directions.hears;
  }

  // ---- Sending ----

  /** Nothing is held, and more may come: only by asking is it known whether the peer takes it still. */
  get resting(): boolean {
    return !this.#sendingOver && this.#held === null;
  }

  get writable(): boolean {
    return this.#held === null;
  }

  write(bytes: Buffer): void {
    if (this.#ended || this.#sendingOver || bytes.length === 0) return;
    let taken = 0;
    if (this.#held === null) {
      taken = this.#home.connection.send(this.id, bytes);
      if (taken === bytes.length) return;
      if (taken < 0) return this.#home.halted(this);
      this.#held = [];
      this.#home.wait(this);
    }
    this.#held.push(Buffer.from(bytes.subarray(taken)));
  }

  /** Sends what is held. True: something of it left, or never will. */
  flush(): boolean {
    const { connection } = this.#home;
    let progress = false;
    while (this.#held !== null && this.#held.length > 0) {
      const [first] = this.#held;
      const taken = connection.send(this.id, first);
      // Of a stream that is forgotten QUIC takes nothing, and does not say why.
      if (taken < 0 || (taken === 0 && connection.stopped(this.id) !== null)) {
        this.#held = null;
        this.#home.halted(this);
        return true;
      }
      progress ||= taken > 0;
      if (taken < first.length) {
        this.#held[0] = first.subarray(taken);
        return progress;
      }
      this.#held.shift();
    }
    if (this.#held === null) return true;
    this.#held = null;
    if (this.#ended) this.#sendEnd();
    else this.receiver.drained();
    return true;
  }

  end(): void {
    if (this.#ended || this.#sendingOver) return;
    this.#ended = true;
    if (this.#held === null) this.#sendEnd();
  }

  #sendEnd(): void {
    if (this.#home.connection.sendEnd(this.id)) return this.#sent();
    this.#held = [nothing];
    this.#home.wait(this);
  }

  #sent(): void {
    this.#sendingOver = true;
    this.#held = null;
    this.#leaveIfOver();
  }

  reset(code: number): void {
    if (this.#sendingOver) return;
    this.#home.connection.breakOff(this.id, code);
    this.#sent();
  }

  /** The peer has stopped what is sent to it: QUIC has broken it off. */
  stopped(code: number | 'gone'): void {
    if (this.#sendingOver) return;
    this.#sent();
    // QUIC forgets a stream once both directions are over and it is known to the peer: there was nothing more to say.
    this.receiver.stopped(code === 'gone' ? H3.NO_ERROR : code);
  }

  // ---- Receiving ----

  stop(code: number): void {
    if (this.#hearingOver) return;
    this.#home.connection.refuse(this.id, code);
    this.#heard();
  }

  credit(n: number): void {
    if (this.#hearingOver) return;
    const stood = this.#window <= 0;
    this.#window += n;
    if (stood && this.#window > 0) this.#home.connection.wake();
  }

  /** There is something to read. */
  readable(): void {
    while (!this.#hearingOver) {
      // Without a window an end of the stream is heard all the same.
      const space = this.#window > 0 ? room.subarray(0, this.#window) : nothing;
      const got = this.#home.connection.receive(this.id, space);
      if (got === null) return;
      if (typeof got === 'number') {
        this.#heard();
        return this.receiver.reset(got);
      }
      const [length, end] = got;
      if (length > 0) {
        this.#window -= length;
        this.receiver.data(room.subarray(0, length));
      }
      if (end && !this.#hearingOver) {
        this.#heard();
        return this.receiver.finished();
      }
      if (length === 0) return;
    }
  }

  #heard(): void {
    this.#hearingOver = true;
    this.#leaveIfOver();
  }

  #leaveIfOver(): void {
    if (this.#sendingOver && this.#hearingOver) this.#home.forget(this);
  }
}
