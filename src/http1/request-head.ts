/**
 * The head of a request, RFC 9112, sections 2 to 6, read once and strictly: what two servers could
 * read in two ways is refused, so that the target never sees another request than the one routed.
 */
import { HTTP_HEAD_MAX_BYTES } from '../limits.ts';
import { hostEnd, NOT_AN_AUTHORITY } from './authority.ts';
import { ASTERISK, beginsWith, sameLetters, SLASH } from './characters.ts';
import { ConnectionOptions } from './connection-options.ts';
import { contentLength } from './content-length.ts';
import {
  AUTHORIZATION,
  bit,
  CONTENT_LENGTH,
  HOST,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
  X_TOKEN,
} from './field-kinds.ts';
import { FieldSection, INCOMPLETE } from './field-section.ts';
import { methodAt, noMethod, type Method } from './methods.ts';
import { headTooLong, requestRefusals as refusals } from './refusals.ts';
import { RequestLine } from './request-line.ts';

/** These may come once only, even with equal values. */
const single =
  bit(HOST) |
  bit(CONTENT_LENGTH) |
  bit(TRANSFER_ENCODING) |
  bit(AUTHORIZATION) |
  bit(X_TOKEN) |
  bit(UPGRADE);

const chunked = Buffer.from('chunked');
const schemes = [Buffer.from('http://'), Buffer.from('https://')];
/** Protocols that would carry further requests past routing, access rules and forwarding fields. */
const relayingProtocols = [Buffer.from('h2c'), Buffer.from('http/'), Buffer.from('tls/')];

/** All offsets count from the head's first byte. */
export class RequestHead {
  readonly line = new RequestLine();
  readonly fields = new FieldSection(refusals, single);
  readonly connection = new ConnectionOptions();
  method: Method = noMethod;
  /** Length of the body as Content-Length says; -1 without that field. */
  length = -1;
  chunked = false;
  /** The client's connection may stay open after the response. */
  keepAlive = false;
  /** An upgrade is asked for that may be passed on. */
  upgrade = false;
  /** The TE field allows trailers in the response. */
  takesTrailers = false;
  /** Start of the target in origin-form or asterisk-form: without scheme and authority. */
  pathStart = 0;
  /** The Host field's value, and the end of the name in it: no port, no trailing dot. 0 without one. */
  hostStart = 0;
  hostNameEnd = 0;
  hostEnd = 0;
  /** Bytes of the head that earlier calls have seen. */
  #seen = 0;

  /** Begins a new head. */
  reset(): void {
    this.line.reset();
    this.fields.reset();
    this.#seen = 0;
  }

  /**
   * Reads the head that begins at `start`. Answers the offset behind it, or INCOMPLETE: then the next
   * call gives the same bytes and more behind them, wherever they stand by then, and goes on where
   * this one stopped. Throws REQUEST_INVALID, REQUEST_TOO_LONG or REQUEST_UNSUPPORTED.
   */
  parse(bytes: Buffer, start: number, end: number): number {
    const limit = Math.min(end, start + HTTP_HEAD_MAX_BYTES);
    let i = start + this.#seen;
    if (!this.line.whole) i = this.line.scan(bytes, start, i, limit);
    if (this.line.whole) {
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

  /** What the head says as a whole. */
  #understand(bytes: Buffer, base: number): void {
    const { connection, fields, line } = this;
    this.method = methodAt(bytes, base + line.methodStart, base + line.methodEnd);
    if (this.method.refused !== null) throw refusals.unsupported(this.method.refused);
    this.#readHost(bytes, base);
    this.#readTarget(bytes, base);
    this.#readFraming(bytes, base);
    connection.read(fields, bytes, base);
    this.keepAlive = !connection.close && (!line.old || connection.keepAlive);
    this.upgrade =
      !line.old && connection.upgrade && fields.has(UPGRADE) && !this.#upgradeRelays(bytes, base);
    this.takesTrailers = fields.has(TE) && this.#listsTrailers(bytes, base);
  }

  #readHost(bytes: Buffer, base: number): void {
    const { fields } = this;
    this.hostStart = this.hostNameEnd = this.hostEnd = 0;
    if (!fields.has(HOST)) {
      if (!this.line.old) throw refusals.invalid('HTTP/1.1 needs a Host field');
      return;
    }
    const index = fields.position(HOST);
    this.hostStart = fields.valueStart(index);
    this.hostEnd = fields.valueEnd(index);
    const nameEnd = hostEnd(bytes, base + this.hostStart, base + this.hostEnd);
    if (nameEnd === NOT_AN_AUTHORITY) {
      throw refusals.invalid('the Host field is not a host name with an optional port');
    }
    this.hostNameEnd = nameEnd - base;
  }

  #readTarget(bytes: Buffer, base: number): void {
    const { line } = this;
    const first = bytes[base + line.targetStart];
    this.pathStart = line.targetStart;
    if (first === SLASH) return;
    if (first !== ASTERISK || line.targetEnd > line.targetStart + 1) {
      this.#readAbsolute(bytes, base);
    } else if (this.method.name !== 'OPTIONS') {
      throw refusals.invalid('the target `*` belongs to OPTIONS only');
    }
  }

  /** `http://host/path`: the authority must be the Host field's, which makes it superfluous. */
  #readAbsolute(bytes: Buffer, base: number): void {
    const { line } = this;
    const scheme = schemes.find((s) => beginsWith(bytes, base + line.targetStart, s));
    if (scheme === undefined) throw refusals.invalid('the target must begin with a slash');
    const authority = line.targetStart + scheme.length;
    let end = authority;
    while (end < line.pathEnd && bytes[base + end] !== SLASH) end++;
    const length = this.hostEnd - this.hostStart;
    const same =
      length > 0 &&
      end - authority === length &&
      sameLetters(bytes, base + authority, base + this.hostStart, length);
    if (!same) throw refusals.invalid('the host in the target is not the one in the Host field');
    this.pathStart = end;
  }

  #readFraming(bytes: Buffer, base: number): void {
    const { fields } = this;
    this.length = -1;
    this.chunked = false;
    if (fields.has(TRANSFER_ENCODING)) {
      if (fields.has(CONTENT_LENGTH)) {
        throw refusals.invalid('both Transfer-Encoding and Content-Length');
      }
      if (this.line.old) throw refusals.invalid('Transfer-Encoding in an HTTP/1.0 request');
      if (!fields.is(bytes, base, fields.position(TRANSFER_ENCODING), chunked)) {
        throw refusals.unsupported('the only Transfer-Encoding taken is `chunked`');
      }
      this.chunked = true;
    } else if (fields.has(CONTENT_LENGTH)) {
      this.length = contentLength(fields, bytes, base);
    }
  }

  #upgradeRelays(bytes: Buffer, base: number): boolean {
    const index = this.fields.position(UPGRADE);
    const end = base + this.fields.valueEnd(index);
    for (let i = base + this.fields.valueStart(index); i < end; i++) {
      if (relayingProtocols.some((name) => beginsWith(bytes, i, name))) return true;
    }
    return false;
  }

  #listsTrailers(bytes: Buffer, base: number): boolean {
    const { fields } = this;
    for (let index = fields.position(TE); index < fields.count; index++) {
      if (fields.kinds[index] !== TE) continue;
      const codings = fields.text(bytes, base, index).split(',');
      if (codings.some((coding) => coding.trim().toLowerCase() === 'trailers')) return true;
    }
    return false;
  }
}
