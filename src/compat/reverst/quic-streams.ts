/**
 * A QUIC connection as HTTP/3 uses it, at either end. Streams that the peer opens before anybody takes
 * them stay with QUIC, unread: originals open the control stream of HTTP/3 right after they have
 * registered, which may be before the answer to that has arrived.
 */
import { SallyportError } from '../../errors.ts';
import { HTTP3_STOPPED_CHECK_ALWAYS, HTTP3_STOPPED_CHECK_MS } from '../../limits.ts';
import { SeenIds } from '../../session/quic/seen-ids.ts';
import type { QuicConnection } from '../../transport/quic/connection.ts';
import type { QuicEnd, QuicUser } from '../../transport/quic/user.ts';
import type { ByteReceiver, ByteStream, StreamSession } from './http3/byte-stream.ts';
import { QuicByteStream, type QuicByteStreamHome } from './quic-byte-stream.ts';

/** Who takes streams of the peer, as they come. What is absent is not taken yet. */
export interface StreamAcceptor {
  acceptBidi?(stream: ByteStream): ByteReceiver;
  acceptUni?(stream: ByteStream): ByteReceiver;
  /** Something has come: the peer may allow more streams by now. */
  turned?(): void;
}

const nothing = Buffer.alloc(0);
const unset: ByteReceiver = { data() {}, finished() {}, reset() {}, stopped() {}, drained() {} };
const bothWays = { sends: true, hears: true };
const ownOneWay = { sends: true, hears: false };
const peersOneWay = { sends: false, hears: true };

export class QuicStreams implements StreamSession, QuicByteStreamHome, QuicUser {
  readonly connection: QuicConnection;
  readonly side: 'client' | 'server';
  readonly #ended: (end: QuicEnd) => void;
  #acceptor: StreamAcceptor = {};
  readonly #streams = new Map<number, QuicByteStream>();
  readonly #seen: { readonly bidi: SeenIds; readonly uni: SeenIds };
  #waiting = new Set<QuicByteStream>();
  #halted: QuicByteStream[] = [];
  #checkedAt = 0;
  #check: NodeJS.Timeout | null = null;

  /**
   * Takes the connection over: it stands, and nobody has opened a stream on it. `ended` is called when
   * it is gone, unless this end closed it; nothing is delivered afterwards.
   */
  constructor(connection: QuicConnection, ended: (end: QuicEnd) => void) {
    this.connection = connection;
    this.side = connection.isServer ? 'server' : 'client';
    this.#ended = ended;
    const peers = connection.isServer ? 0 : 1;
    this.#seen = { bidi: new SeenIds(peers), uni: new SeenIds(peers + 2) };
    connection.user = this;
  }

  /** Hands over the streams that have come, and those that will, from the next turn on. */
  accept(acceptor: StreamAcceptor): void {
    this.#acceptor = acceptor;
    this.connection.wake();
  }

  /** How many more streams both ways the peer allows now. */
  get bidiLeft(): number {
    return this.connection.over ? 0 : this.connection.bidiLeft;
  }

  openBidi(receiver: ByteReceiver): ByteStream {
    this.#checkOpen();
    return this.#open(this.connection.openBidi(), receiver, bothWays);
  }

  openUni(receiver: ByteReceiver): ByteStream {
    this.#checkOpen();
    return this.#open(this.connection.openUni(), receiver, ownOneWay);
  }

  close(code: number, reason: string): void {
    this.connection.close(code, reason);
    this.#leave();
  }

  #checkOpen(): void {
    if (this.connection.over)
      throw new SallyportError('SESSION_CLOSED', 'stream: the QUIC connection is over');
  }

  #open(id: number, receiver: ByteReceiver, directions: typeof bothWays): QuicByteStream {
    const stream = new QuicByteStream(this, id, receiver, directions);
    this.#streams.set(id, stream);
    // From now on QUIC knows it: one that is broken off before its first byte is so to the peer too.
    this.connection.send(id, nothing);
    return stream;
  }

  // ---- From streams ----

  wait(stream: QuicByteStream): void {
    this.#waiting.add(stream);
  }

  halted(stream: QuicByteStream): void {
    if (this.connection.over) return;
    this.#halted.push(stream);
    this.connection.wake();
  }

  forget(stream: QuicByteStream): void {
    this.#streams.delete(stream.id);
    this.#waiting.delete(stream);
  }

  // ---- From the connection ----

  readable(id: number): void {
    (this.#streams.get(id) ?? this.#accept(id))?.readable();
  }

  turned(): void {
    for (const stream of Array.from(this.#waiting)) {
      if (!stream.flush()) continue;
      // Those behind it come first the next time.
      this.#waiting.delete(stream);
      if (!stream.writable) this.#waiting.add(stream);
    }
    for (const stream of this.#halted.splice(0)) this.#tellStopped(stream, 'gone');
    this.#findStopped();
    if (!this.connection.over) this.#acceptor.turned?.();
  }

  closed(end: QuicEnd): void {
    this.#leave();
    this.#ended(end);
  }

  #accept(id: number): QuicByteStream | null {
    const uni = (id & 2) !== 0;
    const acceptor = this.#acceptor;
    const take = uni ? acceptor.acceptUni : acceptor.acceptBidi;
    if (take === undefined || !this.#isPeers(id)) return null;
    if (!this.#seen[uni ? 'uni' : 'bidi'].add(id)) return null;
    const stream = new QuicByteStream(this, id, unset, uni ? peersOneWay : bothWays);
    this.#streams.set(id, stream);
    stream.receiver = take.call(acceptor, stream);
    return stream;
  }

  #isPeers(id: number): boolean {
    return (id & 1) === (this.connection.isServer ? 0 : 1);
  }

  /** QUIC does not tell of streams that the peer has stopped: they are asked about. */
  #findStopped(): void {
    const now = performance.now();
    const many = this.#streams.size > HTTP3_STOPPED_CHECK_ALWAYS;
    if (many && now - this.#checkedAt < HTTP3_STOPPED_CHECK_MS) {
      this.#check ??= setTimeout(() => {
        this.#check = null;
        this.connection.wake();
      }, HTTP3_STOPPED_CHECK_MS);
      return;
    }
    this.#checkedAt = now;
    for (const stream of Array.from(this.#streams.values())) {
      if (stream.resting) this.#tellStopped(stream, null);
    }
  }

  /** `unknown`: what it means when QUIC says that the peer takes what is sent. */
  #tellStopped(stream: QuicByteStream, unknown: 'gone' | null): void {
    const code = this.connection.stopped(stream.id) ?? unknown;
    if (code !== null && !this.connection.over) stream.stopped(code);
  }

  #leave(): void {
    clearTimeout(this.#check ?? undefined);
    this.#check = null;
    this.#streams.clear();
    this.#waiting.clear();
    this.#halted = [];
  }
}
