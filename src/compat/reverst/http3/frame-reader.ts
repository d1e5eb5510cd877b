/** Frames out of the bytes of a stream, in as many pieces as they come; RFC 9114, section 7.1. */
import { HTTP3_USELESS_FRAMES_MAX } from '../../../limits.ts';
import { connectionFault } from './fault.ts';
import { VarintReader } from './varint.ts';

/** `gather`: payload as a whole. `pass`: piece by piece. `skip`: not at all. */
export type Treatment = 'gather' | 'pass' | 'skip';

export interface FrameSink {
  /** A frame begins. Throws for one that may not stand here, or is too long to be gathered. */
  begin(type: number, length: number): Treatment;
  gathered(type: number, payload: Buffer): void;
  /** Never empty; good until it returns. */
  passed(bytes: Buffer): void;
}

const TYPE = 0;
const LENGTH = 1;
const PAYLOAD = 2;
const OVER = 3;

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #varint = new VarintReader();
  #state = TYPE;
  #type = 0;
  #left = 0;
  #treatment: Treatment = 'skip';
  #payload: Buffer[] = [];
  /** Frames without use since the last one that had any. */
  #useless = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Throws what the sink throws, and connection faults. The sink may call `leave`. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === TYPE) {
        if (!this.#varint.feed(bytes[at++])) continue;
        this.#type = this.#varint.value;
        this.#state = LENGTH;
      } else if (this.#state === LENGTH) {
        if (this.#varint.feed(bytes[at++])) this.#begin(this.#varint.value);
      } else if (this.#state === PAYLOAD) {
        const n = Math.min(this.#left, bytes.length - at);
        this.#take(bytes.subarray(at, at + n));
        at += n;
      } else {
        return;
      }
    }
  }

  /** The stream has ended. Throws when that was within a frame. */
  finish(): void {
    if (this.#state === OVER || (this.#state === TYPE && !this.#varint.partial)) return;
    throw connectionFault('FRAME_ERROR', 'a stream ends within a frame');
  }

  /** Reads nothing more, and lets go of what was gathered. */
  leave(): void {
    this.#state = OVER;
    this.#payload = [];
  }

  #begin(length: number): void {
    this.#treatment = this.#sink.begin(this.#type, length);
    this.#countUse(this.#treatment === 'skip' || (this.#treatment === 'pass' && length === 0));
    if (this.#state === OVER) return;
    this.#left = length;
    this.#state = PAYLOAD;
    if (length === 0) this.#end();
  }

  #countUse(useless: boolean): void {
    this.#useless = useless ? this.#useless + 1 : 0;
    if (this.#useless > HTTP3_USELESS_FRAMES_MAX)
      throw connectionFault(
        'EXCESSIVE_LOAD',
        `more than ${HTTP3_USELESS_FRAMES_MAX} frames without use`,
      );
  }

  #take(bytes: Buffer): void {
    this.#left -= bytes.length;
    if (this.#treatment === 'gather') this.#payload.push(Buffer.from(bytes));
    else if (this.#treatment === 'pass') this.#sink.passed(bytes);
    if (this.#left === 0 && this.#state !== OVER) this.#end();
  }

  #end(): void {
    this.#state = TYPE;
    if (this.#treatment !== 'gather') return;
    const pieces = this.#payload;
    this.#payload = [];
    this.#sink.gathered(this.#type, pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
  }
}
