/** Cuts the bytes of a link into yamux frames. Headers may be split anywhere; payloads pass through uncopied. */
import type { Slab } from '../../net/slab.ts';
import {
  FLAGS_ALL,
  FRAME_HEADER_BYTES,
  TYPE_DATA,
  TYPE_GO_AWAY,
  VERSION,
  violation,
} from './frame.ts';

/** Takes the frames. A throw ends the session. */
export interface FrameHandler {
  /** A header. For data frames `length` payload bytes follow by `payload`, then `payloadEnd`. */
  frame(type: number, flags: number, id: number, length: number): void;
  /** Payload of the data frame last announced, or a part of it. */
  payload(slab: Slab, start: number, end: number): void;
  /** The payload of the data frame last announced is complete (also when it was empty). */
  payloadEnd(): void;
}

export class FrameDecoder {
  #handler: FrameHandler;
  #remaining = 0;
  #split: Buffer | null = null;
  #splitLength = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  feed(slab: Slab, start: number, end: number): void {
    const { bytes } = slab;
    let at = start;
    while (at < end) {
      if (this.#remaining > 0) {
        const stop = at + Math.min(this.#remaining, end - at);
        this.#remaining -= stop - at;
        this.#handler.payload(slab, at, stop);
        if (this.#remaining === 0) this.#handler.payloadEnd();
        at = stop;
      } else if (this.#splitLength === 0 && end - at >= FRAME_HEADER_BYTES) {
        this.#header(bytes, at);
        at += FRAME_HEADER_BYTES;
      } else {
        at = this.#gather(bytes, at, end);
      }
    }
  }

  #gather(bytes: Buffer, at: number, end: number): number {
    const split = (this.#split ??= Buffer.allocUnsafe(FRAME_HEADER_BYTES));
    const stop = Math.min(end, at + FRAME_HEADER_BYTES - this.#splitLength);
    bytes.copy(split, this.#splitLength, at, stop);
    this.#splitLength += stop - at;
    if (this.#splitLength === FRAME_HEADER_BYTES) {
      this.#splitLength = 0;
      this.#split = null;
      this.#header(split, 0);
    }
    return stop;
  }

  #header(b: Buffer, at: number): void {
    const type = b[at + 1];
    const flags = (b[at + 2] << 8) | b[at + 3];
    const id = ((b[at + 4] << 24) | (b[at + 5] << 16) | (b[at + 6] << 8) | b[at + 7]) >>> 0;
    const length = ((b[at + 8] << 24) | (b[at + 9] << 16) | (b[at + 10] << 8) | b[at + 11]) >>> 0;
    if (b[at] !== VERSION) throw violation(`version ${b[at]}, only 0 is known`);
    if (type > TYPE_GO_AWAY) throw violation(`unknown type ${type}`);
    if (flags & ~FLAGS_ALL) throw violation(`unknown flags 0x${flags.toString(16)}`);
    this.#handler.frame(type, flags, id, length);
    if (type !== TYPE_DATA) return;
    this.#remaining = length;
    if (length === 0) this.#handler.payloadEnd();
  }
}
