/** The two one-way streams of a session's signals: what is to be said waits here until QUIC takes it. */
import { QUIC_SIGNALS_UNSENT_MAX_BYTES } from '../../limits.ts';
import type { QuicConnection } from '../../transport/quic/connection.ts';
import { SignalReader, violation, type SignalHandler } from './signals.ts';

const nothing = Buffer.alloc(0);
/** Signals are read within one call, and copied where they are kept. */
const room = Buffer.allocUnsafe(4_096);

export class SignalChannel {
  #connection: QuicConnection;
  #reader: SignalReader;
  #id: number;
  #held: Buffer = nothing;

  /** Opens this end's stream. */
  constructor(connection: QuicConnection, handler: SignalHandler) {
    this.#connection = connection;
    this.#reader = new SignalReader(handler);
    this.#id = connection.openUni();
  }

  send(signal: Buffer): void {
    this.#held = this.#held.length === 0 ? signal : Buffer.concat([this.#held, signal]);
    this.flush();
  }

  /** Throws PROTOCOL_FRAME for a peer that makes us answer and reads nothing. */
  check(): void {
    if (this.#held.length > QUIC_SIGNALS_UNSENT_MAX_BYTES)
      throw violation('the peer asks for answers and does not read them');
  }

  /** Sends what could not be sent before. */
  flush(): void {
    if (this.#held.length === 0) return;
    const taken = this.#connection.send(this.#id, this.#held);
    if (taken > 0) this.#held = this.#held.subarray(taken);
  }

  /** Reads the peer's signals. Throws PROTOCOL_FRAME when `id` is not their stream, or it ends. */
  readable(id: number): void {
    const connection = this.#connection;
    if (id !== (connection.isServer ? 2 : 3)) throw violation(`stream ${id} has no use here`);
    for (;;) {
      const got = connection.receive(id, room);
      if (got === null) return;
      if (typeof got === 'number') throw violation('the stream of signals was reset');
      this.#reader.feed(room.subarray(0, got[0]));
      if (got[1]) throw violation('the stream of signals was ended');
    }
  }
}
