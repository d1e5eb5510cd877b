/**
 * One QUIC connection: what arrives is offered to its user stream by stream, what the user sends
 * leaves at the end of the turn. A stream is read from the native code only when its user asks, so
 * its window is the back-pressure.
 */
import { X509Certificate } from 'node:crypto';
import { SallyportError } from '../../errors.ts';
import { QUIC_REASON_MAX_BYTES } from '../../limits.ts';
import { printable } from '../../net/printable.ts';
import type { NativeAddress, NativeConnection } from './binding.ts';
import type { QuicEnd, QuicHome, QuicUser } from './user.ts';

const nothing = Buffer.alloc(0);
const SENDING_BYTES = 32 * 1024;
const DATAGRAM_ROOM = 1_500;

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
  #timer: NodeJS.Timeout | null = null;
  #timerAt = 0;
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

  /** The id of a new stream both ways; nothing leaves yet. Throws TOO_MANY_STREAMS. */
  openBidi(): number {
    if (this.#native.peerStreamsLeftBidi() <= 0)
      throw new SallyportError('TOO_MANY_STREAMS', 'quic: the peer allows no more streams now');
    const id = this.#nextBidi;
    this.#nextBidi += 4;
    return id;
  }

  /** The id of a new stream to the peer only. */
  openUni(): number {
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

  /** Ends the sending direction. False: the end could not be taken yet. */
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

  /** Bytes read into `room` and whether they are the last; null: none are there; `reset`: the peer broke it off. */
  receive(id: number, room: Uint8Array): readonly [length: number, end: boolean] | null | 'reset' {
    if (this.#over) return null;
    try {
      const got = this.#native.streamRecv(id, room);
      if (got !== null) this.#home.schedule(this);
      return got;
    } catch (thrown) {
      return (thrown as Error).message.startsWith('StreamReset') ? 'reset' : null;
    }
  }

  /** Breaks off what is sent, and refuses what comes. */
  reset(id: number): void {
    if (this.#over) return;
    for (const direction of [READ, WRITE] as const) {
      try {
        this.#native.streamShutdown(id, direction, 0);
      } catch {
        // That direction is over already.
      }
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
    if (!this.#over && native.isDraining()) this.#end(this.#reason());
    if (native.isClosed()) {
      if (!this.#over) this.#end(this.#reason());
      this.#leave();
    } else this.#arm();
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

  #arm(): void {
    const ms = this.#native.timeout();
    if (ms === null) return this.#disarm();
    const at = performance.now() + ms;
    // A timer that fires early finds nothing due and is set again: cheaper than setting each.
    if (this.#timer !== null && this.#timerAt <= at && at - this.#timerAt < 5) return;
    this.#disarm();
    this.#timerAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#native.onTimeout();
        this.turn();
      },
      Math.max(1, Math.ceil(ms)),
    );
  }

  #disarm(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  #stopDeadline(): void {
    clearTimeout(this.#deadline ?? undefined);
    this.#deadline = null;
  }

  #reason(): QuicEnd {
    const peers = this.#native.peerError();
    const error = peers ?? this.#native.localError();
    return {
      remote: peers !== null,
      timedOut: this.#native.isTimedOut(),
      application: error?.isApp ?? false,
      code: error?.errorCode ?? 0,
      reason: error === null ? '' : printable(Buffer.from(error.reason).toString()),
    };
  }

  #end(end: QuicEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopDeadline();
    if (end === handshakeLate || (!end.remote && end.reason !== '')) this.#leave();
    this.user?.closed(end);
  }

  #leave(): void {
    this.#disarm();
    this.#stopDeadline();
    this.#home.forget(this);
  }
}

const READ = 0;
const WRITE = 1;

const handshakeLate: QuicEnd = {
  remote: false,
  timedOut: true,
  application: false,
  code: 0,
  reason: 'the handshake was not done in time',
};
