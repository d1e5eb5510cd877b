/**
 * What HTTP/3 needs of whatever carries it: streams of bytes in both or in one direction, and a
 * connection that opens them. Neither knows of HTTP/3.
 */

export interface ByteStream {
  /** As QUIC counts, RFC 9000, section 2.1: the two lowest bits say who opened it, and its directions. */
  readonly id: number;
  /** Sends a copy of the bytes. Everything is accepted; when `writable` is false afterwards the caller stops until `drained`. */
  write(bytes: Buffer): void;
  readonly writable: boolean;
  /** No more will be sent. To be called right behind a `write`: QUIC may lose an end that goes alone. */
  end(): void;
  /** Breaks the sending direction off. */
  reset(code: number): void;
  /** Asks the peer to send no more; nothing is delivered any more. */
  stop(code: number): void;
  /** So many delivered bytes have been dealt with: the peer may send as many more. */
  credit(n: number): void;
}

/** What a stream delivers, one call after the other, never within a call of the stream itself. */
export interface ByteReceiver {
  /** The bytes are the receiver's until it returns. */
  data(bytes: Buffer): void;
  /** The peer will send no more. */
  finished(): void;
  /** The peer has broken off its sending direction. */
  reset(code: number): void;
  /** The peer wants no more of what is sent to it. */
  stopped(code: number): void;
  /** Writable again. */
  drained(): void;
}

/** A connection. Streams that the peer opens are handed in by whoever holds it. */
export interface StreamSession {
  /** Who dialled it is the client, whichever way requests go. */
  readonly side: 'client' | 'server';
  /** Throws TOO_MANY_STREAMS or SESSION_CLOSED. */
  openBidi(receiver: ByteReceiver): ByteStream;
  /** As `openBidi`, for a stream that only this end sends on. */
  openUni(receiver: ByteReceiver): ByteStream;
  /** Ends the connection and everything on it. The reason is for people. */
  close(code: number, reason: string): void;
}
