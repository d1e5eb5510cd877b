/** What a QUIC connection tells whoever uses it, and what it needs of its endpoint. */
import type { NativeAddress } from './binding.ts';
import type { QuicConnection } from './connection.ts';

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

/** What a connection needs of its endpoint. */
export interface QuicHome {
  /** The connection has something to send, or to read: its turn comes soon. */
  schedule(connection: QuicConnection): void;
  transmit(datagrams: Buffer, start: number, end: number, to: NativeAddress): void;
  established(connection: QuicConnection): void;
  forget(connection: QuicConnection): void;
}
