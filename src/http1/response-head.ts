/**
 * The head of a response, read as strictly as a request: a target must not be able to make one
 * response look like two, or a broken one look whole.
 */
import { HTTP_HEAD_MAX_BYTES } from '../limits.ts';
import { classes, CR, DIGIT, LF, VALUE } from './characters.ts';
import { ConnectionOptions } from './connection-options.ts';
import { contentLength } from './content-length.ts';
import { bit, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE } from './field-kinds.ts';
import { FieldSection, INCOMPLETE } from './field-section.ts';
import { headTooLong, responseRefusals as refusals } from './refusals.ts';

const single = bit(CONTENT_LENGTH) | bit(TRANSFER_ENCODING) | bit(UPGRADE);

/** `HTTP/1.x ddd ` has a fixed shape: `x` is 0 or 1, `d` a digit. */
const shape = Buffer.from('HTTP/1.x ddd ');
const ANY_MINOR = 0x78;
const ANY_DIGIT = 0x64;
/** Length of `HTTP/1.1`, where the rest of the status line begins. */
export const VERSION_BYTES = 8;

const STATUS = 0;
const REASON = 1;
const REASON_LF = 2;
const FIELDS = 3;

const chunked = Buffer.from('chunked');

export class ResponseHead {
  readonly fields = new FieldSection(refusals, single);
  readonly connection = new ConnectionOptions();
  /** HTTP/1.0; otherwise HTTP/1.1. */
  old = false;
  status = 0;
  /** Length of the body as Content-Length says; -1 without that field. */
  length = -1;
  chunked = false;
  /** The target keeps its connection open after this response, if the framing lets it. */
  keepAlive = false;
  #state = STATUS;
  #seen = 0;

  /** Begins a new head. */
  reset(): void {
    this.#state = STATUS;
    this.fields.reset();
    this.#seen = 0;
  }

  /** As `RequestHead.parse`. Throws RESPONSE_INVALID. */
  parse(bytes: Buffer, start: number, end: number): number {
    const limit = Math.min(end, start + HTTP_HEAD_MAX_BYTES);
    let i = start + this.#seen;
    if (this.#state !== FIELDS) i = this.#statusLine(bytes, start, i, limit);
    if (this.#state === FIELDS) {
      const after = this.fields.scan(bytes, start, i, limit);
      if (after !== INCOMPLETE) {
        this.#understand(bytes, start);
        return after;
      }
    }
    if (limit - start === HTTP_HEAD_MAX_BYTES) throw refusals.tooLong(headTooLong);
    this.#seen = limit - start;
    return INCOMPLETE;
  }

  #statusLine(bytes: Buffer, base: number, from: number, end: number): number {
    let i = from;
    if (this.#state === STATUS) {
      while (i < end && i - base < shape.length) this.#statusByte(bytes[i], i++ - base);
      if (i - base < shape.length) return i;
      this.old = bytes[base + 7] === 0x30;
      this.status =
        (bytes[base + 9] - 0x30) * 100 + (bytes[base + 10] - 0x30) * 10 + (bytes[base + 11] - 0x30);
      if (this.status < 100 || this.status > 599)
        throw refusals.invalid('a status outside 100 to 599');
      this.#state = REASON;
    }
    if (this.#state === REASON) {
      while (i < end && classes[bytes[i]] & VALUE) i++;
      if (i === end) return i;
      if (bytes[i] !== CR) throw refusals.invalid('a control character in the status line');
      i++;
      this.#state = REASON_LF;
    }
    if (i === end) return i;
    if (bytes[i] !== LF) throw refusals.invalid('a bare CR in the status line');
    this.#state = FIELDS;
    return i + 1;
  }

  #statusByte(byte: number, index: number): void {
    const expected = shape[index];
    const right =
      expected === ANY_MINOR
        ? byte === 0x30 || byte === 0x31
        : expected === ANY_DIGIT
          ? (classes[byte] & DIGIT) !== 0
          : byte === expected;
    if (!right) throw refusals.invalid('it does not begin with a status line of HTTP/1.1');
  }

  #understand(bytes: Buffer, base: number): void {
    const { fields } = this;
    this.length = -1;
    this.chunked = false;
    if (fields.has(TRANSFER_ENCODING)) {
      if (fields.has(CONTENT_LENGTH))
        throw refusals.invalid('both Transfer-Encoding and Content-Length');
      if (this.old) throw refusals.invalid('Transfer-Encoding in an HTTP/1.0 response');
      if (!fields.is(bytes, base, fields.position(TRANSFER_ENCODING), chunked)) {
        throw refusals.invalid('the only Transfer-Encoding taken is `chunked`');
      }
      this.chunked = true;
    } else if (fields.has(CONTENT_LENGTH)) {
      this.length = contentLength(fields, bytes, base);
    }
    if ((this.status < 200 || this.status === 204) && (this.chunked || this.length > 0)) {
      throw refusals.invalid(`a body announced with status ${this.status}, which has none`);
    }
    this.connection.read(fields, bytes, base);
    this.keepAlive = !this.connection.close && (!this.old || this.connection.keepAlive);
  }
}
