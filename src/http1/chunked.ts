/**
 * Follows the chunked coding of RFC 9112, section 7.1, without changing it. Data is skipped over as a
 * whole, or handed to whoever wants it without the coding; sizes, extensions and trailers are read
 * byte by byte and strictly.
 */
import { SallyportError, type ErrorCode } from '../errors.ts';
import { HTTP_CHUNK_LINE_MAX_BYTES, HTTP_TRAILER_MAX_BYTES } from '../limits.ts';
import {
  classes,
  COLON,
  CR,
  hexValue,
  LF,
  lowerCase,
  SEMICOLON,
  TOKEN,
  VALUE,
} from './characters.ts';
import { isForbiddenTrailer, TRAILER_NAME_BYTES } from './trailers.ts';

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER_LINE = 6;
const TRAILER_NAME = 7;
const TRAILER_VALUE = 8;
const TRAILER_LF = 9;
const LAST_LF = 10;

/** Is handed a body without its framing, piece by piece. */
export interface BodySink {
  data(bytes: Uint8Array, start: number, end: number): void;
  /** A byte of the trailers' field lines, line ends included. */
  trailerByte(byte: number): void;
}

export class ChunkScanner {
  done = false;
  readonly #code: ErrorCode;
  readonly #sink: BodySink | null;
  #state = SIZE;
  /** Data bytes of the present chunk that are still to come; while in SIZE, the size so far. */
  #left = 0;
  #digits = 0;
  /** Bytes of the present size line, or of the trailer section. */
  #length = 0;
  readonly #name = Buffer.alloc(TRAILER_NAME_BYTES);
  #nameLength = 0;

  /** `code` is what a broken body is refused with. */
  constructor(code: ErrorCode, sink: BodySink | null = null) {
    this.#code = code;
    this.#sink = sink;
  }

  /** Begins a new body. */
  reset(): void {
    this.done = false;
    this.#state = SIZE;
    this.#left = this.#digits = this.#length = 0;
  }

  /** Takes bytes of the body; answers how many of them belong to it: all until `done`. */
  feed(bytes: Uint8Array, start: number, end: number): number {
    let i = start;
    while (i < end) {
      if (this.#state === DATA) {
        const n = Math.min(this.#left, end - i);
        if (this.#sink !== null && n > 0) this.#sink.data(bytes, i, i + n);
        i += n;
        this.#left -= n;
        if (this.#left > 0) break;
        this.#state = DATA_CR;
        if (i === end) break;
      }
      this.#byte(bytes[i++]);
      if (this.done) break;
    }
    return i - start;
  }

  #byte(byte: number): void {
    switch (this.#state) {
      case SIZE:
        return this.#size(byte);
      case EXTENSION:
        return this.#extension(byte);
      case SIZE_LF:
        this.#expect(byte, LF, 'a chunk size must end in CR LF');
        this.#state = this.#left > 0 ? DATA : TRAILER_LINE;
        this.#length = this.#digits = 0;
        return;
      case DATA_CR:
        this.#expect(byte, CR, 'a chunk must end in CR LF');
        this.#state = DATA_LF;
        return;
      case DATA_LF:
        this.#expect(byte, LF, 'a chunk must end in CR LF');
        this.#state = SIZE;
        return;
      case LAST_LF:
        this.#expect(byte, LF, 'a bare CR at the end of the trailers');
        this.done = true;
        return;
      default:
        return this.#trailer(byte);
    }
  }

  #size(byte: number): void {
    const digit = hexValue[byte];
    if (digit !== 255) {
      this.#left = this.#left * 16 + digit;
      if (this.#left > Number.MAX_SAFE_INTEGER || ++this.#digits > 16)
        throw this.#invalid('a chunk size is too large');
      return;
    }
    if (this.#digits === 0)
      throw this.#invalid('a chunk size is missing or not a plain hexadecimal number');
    if (byte === CR) this.#state = SIZE_LF;
    else if (byte === SEMICOLON) this.#state = EXTENSION;
    else throw this.#invalid('a chunk size is not a plain hexadecimal number');
  }

  #extension(byte: number): void {
    if (byte === CR) this.#state = SIZE_LF;
    else if (!(classes[byte] & VALUE))
      throw this.#invalid('a control character in a chunk extension');
    else if (++this.#length > HTTP_CHUNK_LINE_MAX_BYTES)
      throw this.#invalid('a chunk extension is too long');
  }

  #trailer(byte: number): void {
    if (++this.#length > HTTP_TRAILER_MAX_BYTES) throw this.#invalid('the trailers are too long');
    if (this.#state === TRAILER_LINE && byte === CR) {
      this.#state = LAST_LF;
      return;
    }
    this.#sink?.trailerByte(byte);
    switch (this.#state) {
      case TRAILER_LINE:
        this.#nameLength = 0;
        this.#state = TRAILER_NAME;
        return this.#trailerName(byte);
      case TRAILER_NAME:
        return this.#trailerName(byte);
      case TRAILER_VALUE:
        if (byte === CR) this.#state = TRAILER_LF;
        else if (!(classes[byte] & VALUE)) throw this.#invalid('a control character in a trailer');
        return;
      default:
        this.#expect(byte, LF, 'a bare CR in a trailer');
        this.#state = TRAILER_LINE;
    }
  }

  #trailerName(byte: number): void {
    if (byte === COLON && this.#nameLength > 0) {
      if (isForbiddenTrailer(this.#name, this.#nameLength)) {
        throw this.#invalid('a trailer that may only come as a header field');
      }
      this.#state = TRAILER_VALUE;
      return;
    }
    if (!(classes[byte] & TOKEN))
      throw this.#invalid('a trailer must begin with a name and a colon right behind it');
    if (this.#nameLength < this.#name.length) this.#name[this.#nameLength] = lowerCase[byte];
    this.#nameLength++;
  }

  #expect(byte: number, expected: number, otherwise: string): void {
    if (byte !== expected) throw this.#invalid(otherwise);
  }

  #invalid(why: string): SallyportError {
    return new SallyportError(this.#code, `chunked body: ${why}`);
  }
}
