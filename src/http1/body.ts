/** Follows the framing of a message's body over the raw bytes; RFC 9112, section 6. */
import type { ErrorCode } from '../errors.ts';
import { ChunkScanner, type BodySink } from './chunked.ts';

const LENGTH = 0;
const CHUNKED = 1;
const UNTIL_CLOSE = 2;

/** One for each direction of a connection, told of each message's framing in turn. */
export class BodyTracker {
  /** The body has come in full: what follows belongs to the next message. */
  done = true;
  readonly #code: ErrorCode;
  readonly #sink: BodySink | null;
  #kind = LENGTH;
  #left = 0;
  #chunks: ChunkScanner | null = null;

  /** `code` is what a broken body is refused with; `sink` gets what it holds. */
  constructor(code: ErrorCode, sink: BodySink | null = null) {
    this.#code = code;
    this.#sink = sink;
  }

  /** A body of so many bytes; 0 for none. */
  expectLength(length: number): void {
    this.#kind = LENGTH;
    this.#left = length;
    this.done = length === 0;
  }

  expectChunked(): void {
    this.#kind = CHUNKED;
    this.#chunks ??= new ChunkScanner(this.#code, this.#sink);
    this.#chunks.reset();
    this.done = false;
  }

  /** A body that ends with its connection; responses only. */
  expectUntilClose(): void {
    this.#kind = UNTIL_CLOSE;
    this.done = false;
  }

  /** Takes what arrived; answers how many of the bytes belong to this body. Throws the code. */
  feed(bytes: Uint8Array, start: number, end: number): number {
    if (this.done) return 0;
    if (this.#kind === LENGTH) {
      const n = Math.min(this.#left, end - start);
      this.#left -= n;
      this.done = this.#left === 0;
      if (n > 0) this.#sink?.data(bytes, start, start + n);
      return n;
    }
    if (this.#kind === UNTIL_CLOSE) {
      if (end > start) this.#sink?.data(bytes, start, end);
      return end - start;
    }
    const n = this.#chunks!.feed(bytes, start, end);
    this.done = this.#chunks!.done;
    return n;
  }

  /** The sender ended its direction. Answers whether the body is whole. */
  ended(): boolean {
    if (this.#kind === UNTIL_CLOSE) this.done = true;
    return this.done;
  }
}
