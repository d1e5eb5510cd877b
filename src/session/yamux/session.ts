/**
 * A yamux session over a link. The dialling end of the native protocol is the yamux client (odd
 * stream ids); a peer that reverses the roles is served by the `client` option.
 */
import { asSallyportError, SallyportError } from '../../errors.ts';
import { ANSWERS_UNSENT_MAX, PEER_STREAMS_MAX, STREAM_WINDOW_MAX_BYTES } from '../../limits.ts';
import type { Slab } from '../../net/slab.ts';
import type { Link, LinkReceiver } from '../../transport/link.ts';
import { StreamTable } from '../stream-table.ts';
import type { Session, SessionEvents, Stream, StreamReceiver } from '../session.ts';
import { FrameDecoder, type FrameHandler } from './decoder.ts';
import {
  FLAG_ACK,
  FLAG_FIN,
  FLAG_RST,
  FLAG_SYN,
  GO_AWAY_NORMAL,
  GO_AWAY_PROTOCOL,
  TYPE_DATA,
  TYPE_GO_AWAY,
  TYPE_PING,
  TYPE_WINDOW,
  violation,
} from './frame.ts';
import { Outbox } from './outbox.ts';
import { YamuxStream, type StreamHome } from './stream.ts';

export interface YamuxOptions {
  /** True for the end that opens odd stream ids. */
  client: boolean;
  events: SessionEvents;
}

const LAST_ID = 0xffff_fffe;
/** Of the ping behind a go-away: its answer says that the go-away was read. Heartbeats count from 1. */
const GO_AWAY_PING = 0xffff_ffff;

/** One for all: resets are ordinary, and the stack of an error costs more than the frame. */
const resetByPeer = new SallyportError('STREAM_RESET', 'stream: reset by the other end');

export class YamuxSession implements Session, StreamHome, LinkReceiver, FrameHandler {
  readonly outbox: Outbox;
  readonly budget = { grown: 0 };
  rtt = 0;
  #link: Link;
  #events: SessionEvents;
  #decoder: FrameDecoder;
  #streams = new StreamTable<YamuxStream>();
  #nextId: number;
  #lastPeerId: number;
  #peerStreams = 0;
  #active = false;
  #leaving = false;
  #refusing = false;
  #peerRefuses = false;
  #closed = false;
  #pingSentAt = 0;
  #pingValue = 0;
  // The data frame being received: its stream (null when it is no more) and its flags.
  #current: YamuxStream | null = null;
  #currentFlags = 0;

  constructor(link: Link, options: YamuxOptions) {
    this.#link = link;
    this.#events = options.events;
    this.outbox = new Outbox(link);
    this.#decoder = new FrameDecoder(this);
    this.#nextId = options.client ? 1 : 2;
    this.#lastPeerId = options.client ? 0 : -1;
    link.receive(this);
  }

  get streams(): number {
    return this.#streams.size;
  }

  open(receiver: StreamReceiver): Stream {
    if (this.#closed || this.#peerRefuses) {
      throw new SallyportError('SESSION_CLOSED', 'stream: the session takes no new streams');
    }
    if (this.#nextId > LAST_ID) {
      throw new SallyportError(
        'TOO_MANY_STREAMS',
        'stream: the session has used up its stream ids',
      );
    }
    const stream = new YamuxStream(this, this.#nextId, receiver);
    this.#nextId += 2;
    this.#streams.add(stream);
    this.outbox.header(TYPE_WINDOW, FLAG_SYN, stream.id, 0);
    return stream;
  }

  forget(stream: YamuxStream): void {
    if (this.#streams.delete(stream) && this.#isPeers(stream.id)) this.#peerStreams--;
    if (this.#current === stream) this.#current = null;
  }

  takeActivity(): boolean {
    const active = this.#active;
    this.#active = false;
    return active;
  }

  ping(): void {
    if (this.#closed || this.#pingSentAt !== 0) return;
    this.#pingSentAt = performance.now();
    this.outbox.header(TYPE_PING, FLAG_SYN, 0, ++this.#pingValue);
    // All sessions are pinged in one turn: together they would need a staging slab each.
    this.outbox.flush();
  }

  goAway(): void {
    if (this.#leaving || this.#closed) return;
    this.#leaving = true;
    this.outbox.header(TYPE_GO_AWAY, 0, 0, GO_AWAY_NORMAL);
    this.outbox.header(TYPE_PING, FLAG_SYN, 0, GO_AWAY_PING);
  }

  get refusing(): boolean {
    return this.#refusing || this.#closed;
  }

  close(error: SallyportError | null): void {
    if (this.#closed) return;
    const code = error?.code === 'PROTOCOL_FRAME' ? GO_AWAY_PROTOCOL : GO_AWAY_NORMAL;
    this.outbox.header(TYPE_GO_AWAY, 0, 0, code);
    this.#finish(error);
    this.#link.close(error);
  }

  #finish(error: SallyportError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.outbox.close();
    const reason = error ?? new SallyportError('SESSION_CLOSED', 'session: closed in order');
    for (const stream of this.#streams.list()) stream.broken(reason);
    this.#events.closed(error);
  }

  // ---- From the link ----

  bytes(slab: Slab, start: number, end: number): void {
    if (this.#closed) return;
    this.#active = true;
    try {
      this.#decoder.feed(slab, start, end);
      if (this.outbox.answersUnsent > ANSWERS_UNSENT_MAX) {
        throw violation('the peer asks for answers and does not read them');
      }
    } catch (thrown) {
      this.close(asSallyportError(thrown));
    }
  }

  closed(error: SallyportError | null): void {
    this.#finish(error);
  }

  // ---- From the decoder ----

  frame(type: number, flags: number, id: number, length: number): void {
    if (type === TYPE_PING) return this.#ping(flags, id, length);
    if (type === TYPE_GO_AWAY) return this.#goAway(id);
    if (id === 0) throw violation('stream id 0 on a stream frame');
    const stream = flags & FLAG_SYN ? this.#accept(id, flags) : this.#find(id);
    if (flags & FLAG_ACK) stream?.receiver.acknowledged?.();
    if (type === TYPE_DATA) {
      if (stream === null && length > STREAM_WINDOW_MAX_BYTES)
        throw violation(`${length} bytes for a closed stream`);
      if (length > 0) stream?.announced(length);
      this.#current = stream;
      this.#currentFlags = flags;
      return;
    }
    if (stream === null) return;
    stream.credited(length);
    this.#ends(stream, flags);
  }

  payload(slab: Slab, start: number, end: number): void {
    this.#current?.receiver.data(slab, start, end);
  }

  payloadEnd(): void {
    const stream = this.#current;
    this.#current = null;
    if (stream !== null) this.#ends(stream, this.#currentFlags);
  }

  #ends(stream: YamuxStream, flags: number): void {
    if (flags & FLAG_RST) {
      stream.broken(resetByPeer);
    } else if (flags & FLAG_FIN) {
      stream.finReceived();
    }
  }

  #isPeers(id: number): boolean {
    return (id & 1) !== (this.#nextId & 1);
  }

  /** The stream of a frame without SYN; null for one that is closed here and unknown to us by now. */
  #find(id: number): YamuxStream | null {
    const stream = this.#streams.get(id);
    if (stream !== null) return stream;
    const known = this.#isPeers(id) ? id <= this.#lastPeerId : id < this.#nextId;
    if (!known) throw violation(`stream ${id} was never opened`);
    return null;
  }

  #accept(id: number, flags: number): YamuxStream | null {
    if (!this.#isPeers(id)) throw violation(`the peer opened stream ${id}, an id of ours`);
    if (id <= this.#lastPeerId) throw violation(`stream ${id} was opened twice or out of order`);
    if (flags & FLAG_ACK) throw violation(`stream ${id} was opened and accepted in one frame`);
    this.#lastPeerId = id;
    if (this.#refusing || this.#peerStreams >= PEER_STREAMS_MAX) {
      this.outbox.answer(TYPE_WINDOW, FLAG_RST, id, 0);
      return null;
    }
    const stream = new YamuxStream(this, id, unset);
    this.#streams.add(stream);
    this.#peerStreams++;
    this.outbox.answer(TYPE_WINDOW, FLAG_ACK, id, 0);
    stream.receiver = this.#events.accept(stream);
    return stream;
  }

  #ping(flags: number, id: number, value: number): void {
    if (id !== 0) throw violation(`a ping on stream ${id}`);
    if (flags & FLAG_SYN) {
      this.outbox.answer(TYPE_PING, FLAG_ACK, 0, value);
    } else if (this.#leaving && value === GO_AWAY_PING) {
      this.#refusing = true;
    } else if (this.#pingSentAt !== 0 && value === this.#pingValue) {
      const took = performance.now() - this.#pingSentAt;
      this.rtt = this.rtt === 0 ? took : this.rtt + (took - this.rtt) / 8;
      this.#pingSentAt = 0;
    }
  }

  #goAway(id: number): void {
    if (id !== 0) throw violation(`a go-away on stream ${id}`);
    this.#peerRefuses = true;
    this.#events.goneAway();
  }
}

/** Stands in for the receiver between a stream's creation and the answer of `accept`. */
const unset: StreamReceiver = {
  data() {},
  finished() {},
  reset() {},
  drained() {},
};
