/**
 * What the two ends of a session say to each other beside its streams, each on a one-way stream of
 * its own: a type (1 byte), the length of what follows (2 bytes), and that.
 */
import { SallyportError } from '../../errors.ts';
import { QUIC_REASON_MAX_BYTES } from '../../limits.ts';
import { closeReason, namedError } from '../../transport/close-reason.ts';

const HEADER_BYTES = 3;
const PING = 1;
const PONG = 2;
const GO_AWAY = 3;
const RESET = 4;
const CLOSE = 5;
/** Stream ids and byte counts: 2^48 is enough for a year at 9 GB/s. */
const NUMBER_BYTES = 6;

export interface SignalHandler {
  ping(value: number): void;
  pong(value: number): void;
  goAway(): void;
  /** A stream whose end this peer had sent before is broken off all the same. */
  resetStream(id: number): void;
  /** The peer closes the session; on its streams it has sent `bytes` in all, those broken off left out. */
  close(error: SallyportError | null, bytes: number): void;
}

function signal(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = type;
  header.writeUInt16BE(payload.length, 1);
  return Buffer.concat([header, payload]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(NUMBER_BYTES);
  bytes.writeUIntBE(value, 0, NUMBER_BYTES);
  return bytes;
}

export const encodePing = (value: number): Buffer => signal(PING, number(value));
export const encodePong = (value: number): Buffer => signal(PONG, number(value));
export const encodeGoAway = (): Buffer => signal(GO_AWAY, Buffer.alloc(0));
export const encodeReset = (id: number): Buffer => signal(RESET, number(id));

export function encodeClose(error: SallyportError | null, bytes: number): Buffer {
  const reason = Buffer.from(error === null ? '' : closeReason(error));
  return signal(CLOSE, Buffer.concat([number(bytes), reason.subarray(0, QUIC_REASON_MAX_BYTES)]));
}

export function violation(why: string): SallyportError {
  return new SallyportError('PROTOCOL_FRAME', `quic session: ${why}`);
}

/** Reads signals in whatever pieces they come. */
export class SignalReader {
  #handler: SignalHandler;
  #kept = Buffer.alloc(0);

  constructor(handler: SignalHandler) {
    this.#handler = handler;
  }

  /** Copies what it keeps. Throws PROTOCOL_FRAME for what is no signal. */
  feed(bytes: Buffer): void {
    let all = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    while (all.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + all.readUInt16BE(1);
      if (end > HEADER_BYTES + NUMBER_BYTES + QUIC_REASON_MAX_BYTES)
        throw violation(`a signal of ${end - HEADER_BYTES} bytes`);
      if (all.length < end) break;
      this.#one(all[0], all.subarray(HEADER_BYTES, end));
      all = all.subarray(end);
    }
    this.#kept = Buffer.from(all);
  }

  #one(type: number, payload: Buffer): void {
    const handler = this.#handler;
    if (type === GO_AWAY) {
      if (payload.length > 0) throw violation('a malformed go-away');
      return handler.goAway();
    }
    if (payload.length < NUMBER_BYTES) throw violation(`signal ${type} is too short`);
    const value = payload.readUIntBE(0, NUMBER_BYTES);
    if (type === CLOSE) {
      const reason = payload.toString('utf8', NUMBER_BYTES);
      return handler.close(reason === '' ? null : namedError(reason, 'no reason'), value);
    }
    if (payload.length > NUMBER_BYTES) throw violation(`signal ${type} is too long`);
    if (type === PING) handler.ping(value);
    else if (type === PONG) handler.pong(value);
    else if (type === RESET) handler.resetStream(value);
    else throw violation(`unknown signal ${type}`);
  }
}
