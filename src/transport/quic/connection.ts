/**
 * One QUIC connection: what arrives is offered to its user stream by stream, what the user sends
 * leaves at the end of the turn. A stream is read from the native code only when its user asks, so
 * its window is the back-pressure.
 */
import { X509Certificate } from 'node:crypto';
import { SallyportError } from '../../errors.ts';
import { QUIC_REASON_MAX_BYTES } from '../../limits.ts';
import { codeOf, type NativeAddress, type NativeConnection } from './binding.ts';
import { endOf, handshakeLate } from './end.ts';
import { TurnTimer } from './turn-timer.ts';
import type { QuicEnd, QuicUser } from './user.ts';

const nothing = Buffer.alloc(0);
const SENDING_BYTES = 32 * 1024;
const DATAGRAM_ROOM = 1_500;

/** What a connection needs of its endpoint. */
export interface QuicHome {
  /** The connection has something to send, or to read: its turn comes soon. */
  schedule(connection: QuicConnection): void;
  transmit(datagrams: Buffer, start: number, end: number, to: NativeAddress): void;
  established(connection: QuicConnection): void;
  forget(connection: QuicConnection): void;
}

export class QuicConnection {
  readonly ids: string[] = [];
  /** Where the peer was at first; it may move. */
  readonly peer: NativeAddress;
  readonly isServer: boolean;
  established = false;
  user: QuicUser | null = null;
  #native: NativeConnection;
  #home: QuicHome;
  #nextBidi: number;
  #nextUni: number;
  #over = false;
  #timer: TurnTimer;
  #deadline: NodeJS.Timeout | null;

  constructor(
    home: QuicHome,
    native: NativeConnection,
    isServer: boolean,
    peer: NativeAddress,
    handshakeMs: number,
  ) {
    this.#home = home;
    this.#native = native;
    this.isServer = isServer;
    this.peer = peer;
    this.#nextBidi = isServer ? 1 : 0;
    this.#nextUni = isServer ? 3 : 2;
    this.#timer = new TurnTimer(() => {
      native.onTimeout();
      this.turn();
    });
    this.#deadline = setTimeout(() => this.#end(handshakeLate), handshakeMs);
  }

  /** Nothing more comes or goes. */
  get over(): boolean {
    return this.#over;
  }

  /** The application protocol that was agreed on. */
  get protocol(): string {
    return Buffer.from(this.#native.applicationProto()).toString('latin1');
  }

  /** The certificate that the peer showed; null: none. */
  get peerCertificate(): X509Certificate | null {
    const own = this.#native.peerCertChain()?.[0];
    return own === undefined ? null : new X509Certificate(own);
  }

  // ---- Streams ----

  /** How many more streams both ways the peer allows now. */
  get bidiLeft(): number {
    return this.#native.peerStreamsLeftBidi();
  }

  /** The id of a new stream both ways; nothing leaves yet. Throws TOO_MANY_STREAMS. */
  openBidi(): number {
    if (this.bidiLeft <= 0)
      throw new SallyportError('TOO_MANY_STREAMS', 'quic: the peer allows no more streams now');
    const id = this.#nextBidi;
    this.#nextBidi += 4;
    return id;
  }

  /** The id of a new stream to the peer only. Throws TOO_MANY_STREAMS. */
  openUni(): number {
    if (this.#native.peerStreamsLeftUni() <= 0)
      throw new SallyportError('TOO_MANY_STREAMS', 'quic: the peer allows no more one-way streams');
    const id = this.#nextUni;
    this.#nextUni += 4;
    return id;
  }

  /** How many bytes were taken; -1: the peer stopped the stream, or it is gone. */
  send(id: number, bytes: Uint8Array): number {
    if (this.#over) return -1;
    try {
      const taken = this.#native.streamSend(id, bytes, false) ?? 0;
      this.#home.schedule(this);
      return taken;
    } catch {
      return -1;
    }
  }

  /**
   * Ends the sending direction. False: the end could not be taken yet. To be called right behind `send`:
   * an end without bytes is lost for good when its datagram is and the other direction is over.
   */
  sendEnd(id: number): boolean {
    if (this.#over) return true;
    try {
      if (this.#native.streamSend(id, nothing, true) === null) return false;
      this.#home.schedule(this);
    } catch {
      // The peer stopped the stream, or it is gone: ended in any case.
    }
    return true;
  }

  /** Null: the peer takes what is sent. Else the code with which it stopped the stream, or 'gone': nothing is known of it any more. */
  stopped(id: number): number | 'gone' | null {
    if (this.#over) return 'gone';
    try {
      this.#native.streamCapacity(id);
      return null;
    } catch (thrown) {
      return codeOf(thrown as Error, 'StreamStopped') ?? 'gone';
    }
  }

  /** Bytes read into `room` and whether they are the last; null: none are there; a number: the peer broke it off with that code. */
  receive(id: number, room: Uint8Array): readonly [length: number, end: boolean] | null | number {
    if (this.#over) return null;
    try {
      const got = this.#native.streamRecv(id, room);
      if (got !== null) this.#home.schedule(this);
      return got;
    } catch (thrown) {
      return codeOf(thrown as Error, 'StreamReset');
    }
  }

  /** Breaks off what is sent, and refuses what comes. */
  reset(id: number): void {
    this.#shut(id, READ, 0);
    this.#shut(id, WRITE, 0);
  }

  /** Breaks off what is sent. */
  breakOff(id: number, code: number): void {
    this.#shut(id, WRITE, code);
  }

  /** Asks the peer to send no more on the stream; what comes all the same is thrown away. */
  refuse(id: number, code: number): void {
    this.#shut(id, READ, code);
  }

  #shut(id: number, direction: 0 | 1, code: number): void {
    if (this.#over) return;
    try {
      this.#native.streamShutdown(id, direction, code);
    } catch {
      // That direction is over already.
    }
    this.#home.schedule(this);
  }

  // ---- Life ----

  /** Ends it and tells the peer. What was not sent is lost. */
  close(code: number, reason: string): void {
    if (this.#over) return;
    const text = Buffer.from(reason).subarray(0, QUIC_REASON_MAX_BYTES);
    try {
      this.#native.close(true, code, text);
    } catch {
      // It is closing already.
    }
    this.#over = true;
    this.#stopDeadline();
    this.turn();
  }

  /** Ends it without a word. */
  drop(): void {
    this.#over = true;
    this.#leave();
  }

  /** Shows the peer, and everything between, that the connection is in use. */
  keepAlive(): void {
    if (this.#over) return;
    this.#native.sendAckEliciting();
    this.#home.schedule(this);
  }

  /** A turn of its user may be wanted: something can be read that was not asked for before. */
  wake(): void {
    if (!this.#over) this.#home.schedule(this);
  }

  // ---- From the endpoint ----

  arrived(datagram: Buffer, from: NativeAddress, to: NativeAddress): void {
    try {
      this.#native.recv(datagram, { from, to });
    } catch {
      // Not for this connection, or a violation: the native side closes it, and says so below.
    }
    this.#home.schedule(this);
  }

  /** Everything that a turn of the event loop brought is handed on, and what was sent leaves. */
  turn(): void {
    const native = this.#native;
    if (!this.#over && !this.established && native.isEstablished()) {
      this.established = true;
      this.#stopDeadline();
      this.#home.established(this);
    }
    const { user } = this;
    if (!this.#over && this.established && user !== null) {
      for (const id of native.readable()) {
        if (this.#over) break;
        user.readable(id);
      }
      if (!this.#over) user.turned();
    }
    this.#transmit();
    if (!this.#over && native.isDraining()) this.#end(endOf(native));
    if (native.isClosed()) {
      if (!this.#over) this.#end(endOf(native));
      this.#leave();
    } else this.#timer.arm(native.timeout());
  }

  /** The connection is gone, for a reason of this end. */
  lost(reason: string): void {
    this.#end({ remote: false, timedOut: false, application: false, code: 0, reason });
  }

  #transmit(): void {
    let room = Buffer.allocUnsafe(SENDING_BYTES);
    let at = 0;
    for (;;) {
      if (at + DATAGRAM_ROOM > room.length) {
        room = Buffer.allocUnsafe(SENDING_BYTES);
        at = 0;
      }
      let sent: ReturnType<NativeConnection['send']>;
      try {
        sent = this.#native.send(room.subarray(at, at + DATAGRAM_ROOM));
      } catch {
        return;
      }
      if (sent === null) return;
      const [length, { to }] = sent;
      this.#home.transmit(room, at, at + length, to);
      at += length;
    }
  }

  #stopDeadline(): void {
    clearTimeout(this.#deadline ?? undefined);
    this.#deadline = null;
  }

  #end(end: QuicEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopDeadline();
    if (end === handshakeLate || (!end.remote && end.reason !== '')) this.#leave();
    this.user?.closed(end);
  }

  #leave(): void {
    this.#timer.disarm();
    this.#stopDeadline();
    this.#home.forget(this);
  }
}

const READ = 0;
const WRITE = 1;
