/**
 * A session over a QUIC connection: a QUIC stream for each stream, and one from each end to the other
 * for what concerns the session as a whole.
 *
 * QUIC's own close throws away what has not arrived. A session therefore ends by a signal that says
 * how many bytes were sent on its streams; the other end closes the connection when it has them all.
 */
import { asSallyportError, SallyportError } from '../../errors.ts';
import { CLOSE_FLUSH_MS, LOCAL_SLAB_BYTES, PEER_STREAMS_MAX } from '../../limits.ts';
import { SlabPool } from '../../net/slab.ts';
import { closeReason, namedError } from '../../transport/close-reason.ts';
import type { QuicConnection } from '../../transport/quic/connection.ts';
import type { QuicEnd, QuicUser } from '../../transport/quic/user.ts';
import type { Session, SessionEvents, Stream, StreamReceiver } from '../session.ts';
import { SeenIds } from './seen-ids.ts';
import { encodeClose, encodeGoAway, encodePing, encodePong, encodeReset } from './signals.ts';
import { SignalChannel } from './signal-channel.ts';
import { QuicStream, type QuicStreamHome } from './stream.ts';

/** What streams of all sessions of this process are read into. */
export const quicSlabs = new SlabPool(LOCAL_SLAB_BYTES);

/** One for all: resets are ordinary. */
const resetByPeer = new SallyportError('STREAM_RESET', 'stream: reset by the other end');
/** Of the ping behind a go-away: its answer says that the go-away was read. Heartbeats count from 1. */
const GO_AWAY_PING = 0xffff_ffff;
/** Codes of QUIC's close. */
const IN_ORDER = 0;
const NAMED = 1;
/** TLS alerts as QUIC has them (RFC 9001, section 4.8). Behind the handshake, all concern the client's certificate. */
const TLS_ALERTS = 0x100;

export class QuicSession implements Session, QuicStreamHome, QuicUser {
  readonly connection: QuicConnection;
  readonly pool = quicSlabs;
  rtt = 0;
  #events: SessionEvents;
  #streams = new Map<number, QuicStream>();
  #waiting = new Set<QuicStream>();
  #stopped: QuicStream[] = [];
  #resumed: QuicStream[] = [];
  #peerStreams = 0;
  #seen: SeenIds;
  #signals: SignalChannel;
  #active = false;
  #leaving = false;
  #refusing = false;
  #peerRefuses = false;
  #over = false;
  /** Set while what was sent before a close is still leaving. */
  #closing: { readonly error: SallyportError | null } | null = null;
  #told: { readonly error: SallyportError | null; readonly bytes: number } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #taken = 0;
  #given = 0;
  #pingSentAt = 0;
  #pingValue = 0;

  /** Takes the connection over: it stands, and nobody has opened a stream on it, or read one that is still open. */
  constructor(connection: QuicConnection, events: SessionEvents, peersFirst?: number) {
    this.connection = connection;
    this.#events = events;
    this.#seen = new SeenIds(peersFirst ?? (connection.isServer ? 0 : 1));
    this.#signals = new SignalChannel(connection, {
      ping: (value) => this.#signals.send(encodePong(value)),
      pong: (value) => this.#ponged(value),
      goAway: () => this.#leftByPeer(),
      resetStream: (id) => this.#streams.get(id)?.broken(resetByPeer),
      close: (error, bytes) => this.#closedByPeer(error, bytes),
    });
    connection.user = this;
    connection.wake();
  }

  get streams(): number {
    return this.#streams.size;
  }

  open(receiver: StreamReceiver): Stream {
    if (this.#over || this.#peerRefuses)
      throw new SallyportError('SESSION_CLOSED', 'stream: the session takes no new streams');
    const stream = new QuicStream(this, this.connection.openBidi(), receiver, true);
    this.#streams.set(stream.id, stream);
    return stream;
  }

  takeActivity(): boolean {
    const active = this.#active;
    this.#active = false;
    return active;
  }

  ping(): void {
    if (this.#over || this.#pingSentAt !== 0) return;
    this.#pingSentAt = performance.now();
    this.#signals.send(encodePing(++this.#pingValue));
  }

  goAway(): void {
    if (this.#leaving || this.#over) return;
    this.#leaving = true;
    this.#signals.send(Buffer.concat([encodeGoAway(), encodePing(GO_AWAY_PING)]));
  }

  get refusing(): boolean {
    return this.#refusing || this.#over;
  }

  close(error: SallyportError | null): void {
    if (this.#over) return;
    this.#closing = { error };
    this.#timer = setTimeout(() => this.#shut(error), CLOSE_FLUSH_MS);
    this.#finish(error);
    this.#tellClose();
    this.connection.wake();
  }

  /** Every stream hears of the end, then the owner. */
  #finish(error: SallyportError | null): void {
    if (this.#over) return;
    this.#over = true;
    const reason = error ?? new SallyportError('SESSION_CLOSED', 'session: closed in order');
    for (const stream of this.#streams.values()) stream.severed(reason);
    this.#events.closed(error);
  }

  /** The signal goes once everything that was sent before has been taken. */
  #tellClose(): void {
    if (this.#closing === null || this.#waiting.size > 0) return;
    const { error } = this.#closing;
    this.#closing = null;
    this.#signals.send(encodeClose(error, this.#taken));
  }

  #shut(error: SallyportError | null): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
    this.#waiting.clear();
    if (error === null) this.connection.close(IN_ORDER, '');
    else this.connection.close(NAMED, closeReason(error));
  }

  // ---- From streams ----

  wait(stream: QuicStream): void {
    this.#waiting.add(stream);
  }

  stopped(stream: QuicStream): void {
    this.#stopped.push(stream);
    this.connection.wake();
  }

  resumed(stream: QuicStream): void {
    this.#resumed.push(stream);
  }

  forget(stream: QuicStream): void {
    if (!this.#streams.delete(stream.id)) return;
    if (this.#isPeers(stream.id)) this.#peerStreams--;
    // What it holds still leaves when the session closes, unless it was broken off.
    if (stream.writable) this.#waiting.delete(stream);
  }

  counted(taken: number, given: number): void {
    this.#taken += taken;
    this.#given += given;
  }

  tellReset(id: number): void {
    this.#signals.send(encodeReset(id));
  }

  #isPeers(id: number): boolean {
    return (id & 1) === (this.connection.isServer ? 0 : 1);
  }

  // ---- From the connection ----

  readable(id: number): void {
    this.#active = true;
    try {
      if ((id & 2) !== 0) {
        this.#signals.readable(id);
        return this.#signals.check();
      }
      const stream = this.#streams.get(id) ?? this.#accept(id);
      stream?.readable(resetByPeer);
    } catch (thrown) {
      this.#violated(asSallyportError(thrown));
    }
  }

  #read(stream: QuicStream): void {
    try {
      stream.readable(resetByPeer);
    } catch (thrown) {
      this.#violated(asSallyportError(thrown));
    }
  }

  turned(): void {
    this.#signals.flush();
    for (const stream of Array.from(this.#waiting)) {
      if (!stream.flush()) continue;
      // Those behind it come first the next time.
      this.#waiting.delete(stream);
      if (!stream.writable) this.#waiting.add(stream);
    }
    for (const stream of this.#stopped.splice(0)) stream.broken(resetByPeer);
    for (const stream of this.#resumed.splice(0)) this.#read(stream);
    this.#tellClose();
    if (this.#told !== null && !this.#over && this.#given >= this.#told.bytes) this.#obey();
  }

  closed(end: QuicEnd): void {
    clearTimeout(this.#timer ?? undefined);
    this.#waiting.clear();
    this.#finish(errorOf(end));
  }

  #violated(error: SallyportError): void {
    if (this.#over) return;
    this.#finish(error);
    this.#shut(error);
  }

  #accept(id: number): QuicStream | null {
    if (!this.#isPeers(id) || !this.#seen.add(id) || this.#over) return null;
    if (this.#refusing || this.#peerStreams >= PEER_STREAMS_MAX) {
      this.connection.reset(id);
      return null;
    }
    const stream = new QuicStream(this, id, unset, false);
    this.#streams.set(id, stream);
    this.#peerStreams++;
    stream.receiver = this.#events.accept(stream);
    return stream;
  }

  // ---- Signals ----

  #ponged(value: number): void {
    if (this.#leaving && value === GO_AWAY_PING) this.#refusing = true;
    if (this.#pingSentAt === 0 || value !== this.#pingValue) return;
    const took = performance.now() - this.#pingSentAt;
    this.rtt = this.rtt === 0 ? took : this.rtt + (took - this.rtt) / 8;
    this.#pingSentAt = 0;
  }

  #leftByPeer(): void {
    this.#peerRefuses = true;
    if (!this.#over) this.#events.goneAway();
  }

  #closedByPeer(error: SallyportError | null, bytes: number): void {
    // Both closed at once: nobody is there any more who would take what is on its way.
    if (this.#over) return this.#shut(error);
    this.#told ??= { error, bytes };
    this.#timer ??= setTimeout(() => this.#obey(), CLOSE_FLUSH_MS);
  }

  /** The peer has closed: this end follows when it has everything, or has waited long enough. */
  #obey(): void {
    this.#finish(this.#told!.error);
    this.#shut(null);
  }
}

function errorOf(end: QuicEnd): SallyportError | null {
  if (end.application)
    return end.code === IN_ORDER ? null : namedError(end.reason, `code ${end.code}`);
  const why = end.timedOut
    ? 'nothing came for too long'
    : end.remote && end.code >= TLS_ALERTS
      ? `the other end does not take our certificate (TLS alert ${end.code - TLS_ALERTS})`
      : end.reason || `transport error ${end.code}`;
  return new SallyportError('LINK_LOST', `link: the QUIC connection is lost: ${why}`);
}

/** Stands in for the receiver between a stream's creation and the answer of `accept`. */
const unset: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };
