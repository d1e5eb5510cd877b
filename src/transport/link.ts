/**
 * The link seam: ordered bytes both ways between an agent or a consumer and the server.
 *
 * A link MUST deliver bytes in order and exactly once or end with an error, MUST go on delivering
 * while its sends are blocked, and MUST call `closed` once, last. Message borders mean nothing.
 */
import type { SallyportError } from '../errors.ts';
import type { Slab } from '../net/slab.ts';

export interface Link {
  /**
   * Sends bytes `[start, end)` and may write its own header into the HEADROOM - 12 bytes before
   * `start`, and mask the bytes in place. True: the buffer is free at once. False: it is in use
   * until the callback of a later `afterSends`.
   */
  send(bytes: Buffer, start: number, end: number): boolean;
  /** As `send`, for a head that stands in a buffer with room and a body that stands elsewhere. */
  sendPair(head: Buffer, start: number, end: number, body: Buffer): boolean;
  /** Calls back when everything sent so far has left, or can no longer leave. */
  afterSends(done: () => void): void;
  /** Bytes sent that have not left yet. */
  readonly backlog: number;
  /** Begins delivery. Nothing is lost before this call. */
  receive(receiver: LinkReceiver): void;
  /** Ends the link, telling the peer the error's close code and reason where the carrier can. */
  close(error: SallyportError | null): void;
}

export interface LinkReceiver {
  /** Bytes arrived; the rules for the slab are those of `WireReader.read`. */
  bytes(slab: Slab, start: number, end: number): void;
  /**
   * The message of the last bytes is whole: for protocols whose messages mean something, over links
   * that have messages. An empty one comes as this call alone.
   */
  messageEnded?(): void;
  /** The link is over: null when the peer closed it in order. */
  closed(error: SallyportError | null): void;
}
