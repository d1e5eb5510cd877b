/**
 * The session seam: many streams over one link.
 *
 * A session MUST deliver each stream's bytes in order, give every stream its own flow control, and
 * keep reading while a write is blocked. It MUST NOT let one stalled stream hold up another, and
 * MUST end itself with a named error, and touch nothing else, when its peer breaks the protocol.
 */
import type { Slab } from '../net/slab.ts';
import type { SallyportError } from '../errors.ts';

/** One bidirectional byte stream of a session. */
export interface Stream {
  readonly id: number;
  /** Takes what arrives. Replaceable at any moment between two calls. */
  receiver: StreamReceiver;
  /**
   * Sends bytes `[start, end)` of the slab. A shared slab is copied, any other is retained while it
   * is needed. While nobody else holds the slab, bytes before `start` may be overwritten: the caller
   * has passed them already. Everything is accepted; when `writable` is false afterwards the caller
   * stops until `receiver.drained()`.
   */
  write(slab: Slab, start: number, end: number): void;
  /** Sends a copy of bytes that live outside a slab: heads, answers, small messages. */
  send(bytes: Buffer): void;
  /** False while the peer's window or the link is full. */
  readonly writable: boolean;
  /** Over in both directions: nothing more is delivered or sent. */
  readonly over: boolean;
  /** Bytes taken for sending, and bytes received, heads included. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Called once, at the moment the stream is over, for whatever reason. Set by the one who lists streams. */
  onOver: ((end: StreamEnd) => void) | null;
  /** No more will be sent (FIN, after what was written). The other direction goes on. */
  end(): void;
  /**
   * Ends both directions at once. What was not sent is lost; the receiver is not called again. `why`
   * is for `onOver`; the peer learns nothing of it.
   */
  reset(why?: SallyportError): void;
  /** The receiver is done with `n` delivered bytes: the peer may send as many more. */
  credit(n: number): void;
}

/** How a stream ended: in order both ways, broken off on this side, or by an error. */
export type StreamEnd = 'ok' | 'closed' | SallyportError;

/** What a stream delivers. No call is made after `finished` and local `end`, or after `reset`. */
export interface StreamReceiver {
  /**
   * Bytes `[start, end)` arrived; the rules for the slab are those of `WireReader.read`. The
   * receiver calls `stream.credit` for them once it has passed them on, which is the back-pressure.
   */
  data(slab: Slab, start: number, end: number): void;
  /** The peer will send no more. */
  finished(): void;
  /** The stream is gone, both ways: the peer reset it, or its session ended. */
  reset(error: SallyportError): void;
  /** The stream is writable again. */
  drained(): void;
  /** The peer has taken a stream that was opened here; a protocol of its own may say so earlier or never. */
  acknowledged?(): void;
}

/** What a session tells its owner. */
export interface SessionEvents {
  /** The peer opened a stream. Returns who receives from it. */
  accept(stream: Stream): StreamReceiver;
  /** The peer wants no new streams; running ones go on. */
  goneAway(): void;
  /** The session is over and every stream has been reset. `null` after a clean close. */
  closed(error: SallyportError | null): void;
}

export interface Session {
  /** Opens a stream. Throws TOO_MANY_STREAMS, or SESSION_CLOSED when closed or going away. */
  open(receiver: StreamReceiver): Stream;
  /** Streams open now. */
  readonly streams: number;
  /** Smoothed round trip time in milliseconds; 0 before the first ping. */
  readonly rtt: number;
  /** Asks for an answer; the round trip is then in `rtt`. */
  ping(): void;
  /** Frames received since the last call of this: silence is how a dead link shows. */
  takeActivity(): boolean;
  /**
   * Tells the peer to open no more streams. Those that it opened before it has heard so are taken;
   * later ones are refused.
   */
  goAway(): void;
  /** The peer has heard of the go-away, or the session is over: no stream of the peer follows. */
  readonly refusing: boolean;
  /** Ends the session and its link. Every stream is reset with the error. */
  close(error: SallyportError | null): void;
}
