/**
 * The field lines of a head: where each name and value stands, and which of the known fields there
 * are. One pass over the bytes, in any number of pieces; RFC 9112, section 5, and nothing looser: no
 * folded lines, no bare CR or LF, no space before the colon, no controls in values.
 */
import { HTTP_FIELDS_MAX } from '../limits.ts';
import { classes, COLON, COMMA, CR, HTAB, LF, SPACE, TOKEN, VALUE } from './characters.ts';
import { bit, fieldKind } from './field-kinds.ts';
import type { Refusals } from './refusals.ts';

/** What `scan` and the heads' `parse` answer when the head goes on beyond the bytes given. */
export const INCOMPLETE = -1;

/** Numbers for each field: start and end of the name, start and end of the value. */
const STRIDE = 4;

const LINE = 0;
const NAME = 1;
const PADDING = 2;
const INSIDE = 3;
const LINE_END = 4;
const SECTION_END = 5;

/** What tokens are handed to: an object that is there already, since heads are read all the time. */
export interface TokenTaker {
  /** The token `[start, end)` of bytes in which the head begins at `base`. */
  token(fields: FieldSection, bytes: Uint8Array, base: number, start: number, end: number): void;
}

export class FieldSection {
  readonly refusals: Refusals;
  /** Fields found. */
  count = 0;
  /** The kinds found, as a set of `bit(kind)`. */
  seen = 0;
  readonly kinds = new Uint8Array(HTTP_FIELDS_MAX);
  /** Offset from the head's first byte to the closing empty line. */
  end = 0;
  /** Kinds that may come once only. */
  readonly #single: number;
  readonly #offsets = new Int32Array(HTTP_FIELDS_MAX * STRIDE);
  readonly #positions = new Uint8Array(32);
  #state = LINE;

  constructor(refusals: Refusals, single: number) {
    this.refusals = refusals;
    this.#single = single;
  }

  /** Forgets everything; the next line is the first one. */
  reset(): void {
    this.count = 0;
    this.seen = 0;
    this.end = 0;
    this.#state = LINE;
  }

  /**
   * Reads lines from `from` to `end`. All offsets kept are relative to `base`, so that the head may
   * move between two calls. Answers the offset behind the closing empty line, or INCOMPLETE after
   * it has seen everything up to `end`: the next call goes on there.
   */
  scan(bytes: Uint8Array, base: number, from: number, end: number): number {
    const offsets = this.#offsets;
    let state = this.#state;
    let at = this.count * STRIDE;
    let i = from;
    while (i < end) {
      if (state === LINE) {
        const byte = bytes[i];
        if (byte === CR) {
          this.end = i - base;
          state = SECTION_END;
          i++;
          continue;
        }
        if (!(classes[byte] & TOKEN)) throw this.#badLineStart(byte);
        if (this.count === HTTP_FIELDS_MAX) {
          throw this.refusals.tooLong(`more than ${HTTP_FIELDS_MAX} fields`);
        }
        offsets[at] = i - base;
        state = NAME;
      }
      if (state === NAME) {
        while (i < end && classes[bytes[i]] & TOKEN) i++;
        if (i === end) break;
        if (bytes[i] !== COLON) {
          throw this.refusals.invalid('a field name must be a token with a colon right behind it');
        }
        offsets[at + 1] = i - base;
        i++;
        state = PADDING;
      }
      if (state === PADDING) {
        while (i < end && (bytes[i] === SPACE || bytes[i] === HTAB)) i++;
        if (i === end) break;
        offsets[at + 2] = i - base;
        state = INSIDE;
      }
      if (state === INSIDE) {
        while (i < end && classes[bytes[i]] & VALUE) i++;
        if (i === end) break;
        if (bytes[i] !== CR) throw this.#badInValue(bytes[i]);
        offsets[at + 3] = trimmedEnd(bytes, base + offsets[at + 2], i) - base;
        i++;
        state = LINE_END;
        if (i === end) break;
      }
      if (bytes[i] !== LF) throw this.refusals.invalid('a bare CR in the fields');
      i++;
      if (state === SECTION_END) return i;
      this.#take(fieldKind(bytes, base + offsets[at], base + offsets[at + 1]));
      at += STRIDE;
      state = LINE;
    }
    this.#state = state;
    return INCOMPLETE;
  }

  #take(kind: number): void {
    const of = bit(kind);
    if (this.seen & of & this.#single) {
      throw this.refusals.invalid(
        'a field that decides about framing, routing or access came twice',
      );
    }
    if (!(this.seen & of)) this.#positions[kind] = this.count;
    this.seen |= of;
    this.kinds[this.count++] = kind;
  }

  has(kind: number): boolean {
    return (this.seen & bit(kind)) !== 0;
  }

  /** Index of the first field of a kind; only where `has(kind)`. */
  position(kind: number): number {
    return this.#positions[kind];
  }

  nameStart(index: number): number {
    return this.#offsets[index * STRIDE];
  }

  nameEnd(index: number): number {
    return this.#offsets[index * STRIDE + 1];
  }

  valueStart(index: number): number {
    return this.#offsets[index * STRIDE + 2];
  }

  /** End of the value, without the white space behind it. */
  valueEnd(index: number): number {
    return this.#offsets[index * STRIDE + 3];
  }

  /** Offset behind the field's line. */
  lineEnd(index: number): number {
    return index + 1 < this.count ? this.nameStart(index + 1) : this.end;
  }

  /** Value of the field, byte for byte. */
  text(bytes: Buffer, base: number, index: number): string {
    return bytes.toString('latin1', base + this.valueStart(index), base + this.valueEnd(index));
  }

  /** Whether the value is exactly these bytes. */
  is(bytes: Uint8Array, base: number, index: number, value: Uint8Array): boolean {
    const start = this.valueStart(index);
    if (this.valueEnd(index) - start !== value.length) return false;
    for (let i = 0; i < value.length; i++) {
      if (bytes[base + start + i] !== value[i]) return false;
    }
    return true;
  }

  /**
   * Hands over the comma-separated tokens of every field of a kind that is there; RFC 9110, section
   * 5.6.1. Empty elements are skipped, as it demands; anything but a token is refused.
   */
  eachToken(bytes: Uint8Array, base: number, kind: number, taker: TokenTaker): void {
    for (let index = this.position(kind); index < this.count; index++) {
      if (this.kinds[index] !== kind) continue;
      const end = base + this.valueEnd(index);
      let i = base + this.valueStart(index);
      while (i < end) {
        const start = i;
        while (i < end && classes[bytes[i]] & TOKEN) i++;
        if (i > start) taker.token(this, bytes, base, start, i);
        while (i < end && (bytes[i] === SPACE || bytes[i] === HTAB)) i++;
        if (i < end && bytes[i++] !== COMMA) {
          throw this.refusals.invalid('a list field holds something that is not a token');
        }
        while (i < end && (bytes[i] === SPACE || bytes[i] === HTAB)) i++;
      }
    }
  }

  #badLineStart(byte: number): Error {
    return this.refusals.invalid(
      byte === SPACE || byte === HTAB
        ? 'a folded field line, or white space before a name'
        : byte === COLON
          ? 'an empty field name'
          : byte === LF
            ? 'a bare LF'
            : 'a field name holds a character that is not allowed',
    );
  }

  #badInValue(byte: number): Error {
    return this.refusals.invalid(
      byte === LF ? 'a bare LF' : 'a control character in a field value',
    );
  }
}

/** The end of a value without the white space behind it. */
function trimmedEnd(bytes: Uint8Array, start: number, end: number): number {
  while (end > start && (bytes[end - 1] === SPACE || bytes[end - 1] === HTAB)) end--;
  return end;
}
