/** What a QUIC connection tells whoever uses it. */

/** How a connection ended. */
export interface QuicEnd {
  /** True: the peer closed it. */
  readonly remote: boolean;
  readonly timedOut: boolean;
  /** True: `code` is of the application, else of QUIC or TLS. */
  readonly application: boolean;
  readonly code: number;
  /** Printable. */
  readonly reason: string;
}

/** Who uses a connection. Called in turns of the event loop, never from inside a call of its own. */
export interface QuicUser {
  /** Stream `id` has bytes, its end, or was reset. Called in every turn until that was read. */
  readable(id: number): void;
  /** Something has arrived: what could not be sent may go now. */
  turned(): void;
  /** The last call. Not made after a `close` or `drop` of this end. */
  closed(end: QuicEnd): void;
}
