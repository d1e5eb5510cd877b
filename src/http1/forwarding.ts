/**
 * The fields that tell a target who its client is: X-Forwarded-For, -Proto and -Host, and Forwarded
 * (RFC 7239). From an ordinary client nothing of the kind is believed. From a trusted proxy it is,
 * and this hop is added behind, in the words that the proxy used: a target that reads `Forwarded`
 * first must not find `proto=http` of our own hop there while `X-Forwarded-Proto` says https, nor
 * the other way round. What the proxy did not write is not made up from what it wrote either: which
 * of its values belong to which hop is not known (RFC 7239, section 7.4), and a target that sees one
 * kind only reads that one.
 */
import net from 'node:net';
import {
  bit,
  FORWARDED,
  FORWARDED_ALIAS,
  FORWARDING,
  X_FORWARDED_FOR,
  X_FORWARDED_HOST,
  X_FORWARDED_OTHER,
  X_FORWARDED_PROTO,
} from './field-kinds.ts';
import type { FieldSection } from './field-section.ts';

/** All that is not in the words of RFC 7239. */
const xForwarded =
  bit(X_FORWARDED_FOR) | bit(X_FORWARDED_PROTO) | bit(X_FORWARDED_HOST) | bit(X_FORWARDED_OTHER);

/** From a trusted proxy these two are written anew, with its values in front; the others are kept. */
const rewritten = bit(X_FORWARDED_FOR) | bit(FORWARDED) | bit(FORWARDED_ALIAS);

const token = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;
const separator = Buffer.from(', ');
const lineEnd = Buffer.from('\r\n');

/** One for each client connection: only the host changes from request to request, and rarely. */
export class ForwardingFields {
  /** Kinds of field that do not pass as they are. */
  readonly drop: number;
  readonly #trusted: boolean;
  readonly #address: string;
  readonly #proto: string;
  /** All lines for a request that brings none of its own. */
  #lines: Buffer;
  #for: Buffer;
  #element: Buffer;
  #protoLine: Buffer;
  #hostLine: Buffer = Buffer.alloc(0);

  /** `address` is the peer's IP address; `secure` tells whether it came by TLS. */
  constructor(address: string, secure: boolean, trusted: boolean) {
    this.#address = address;
    this.#proto = secure ? 'https' : 'http';
    this.#trusted = trusted;
    this.drop = trusted ? rewritten : FORWARDING;
    this.#for = Buffer.from(address);
    this.#protoLine = Buffer.from(`X-Forwarded-Proto: ${this.#proto}\r\n`);
    this.#element = this.#lines = this.#for;
    this.setHost('');
  }

  /** The value of Host in the requests to come, which is checked and in ASCII; empty for none. */
  setHost(host: string): void {
    const address = net.isIPv6(this.#address) ? `"[${this.#address}]"` : this.#address;
    const hostPair = host === '' ? '' : `;host=${token.test(host) ? host : `"${host}"`}`;
    const element = `for=${address}${hostPair};proto=${this.#proto}`;
    this.#element = Buffer.from(element);
    this.#hostLine = Buffer.from(host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`);
    this.#lines = Buffer.concat([
      Buffer.from(`X-Forwarded-For: ${this.#address}\r\n`),
      this.#protoLine,
      this.#hostLine,
      Buffer.from(`Forwarded: ${element}\r\n`),
    ]);
  }

  /** The most bytes that `write` adds to what the head holds. */
  get room(): number {
    return this.#lines.length;
  }

  /** Writes the lines at `at`; answers the offset behind them. `out` has room for the head and `room`. */
  write(fields: FieldSection, bytes: Buffer, base: number, out: Buffer, at: number): number {
    const inX = (fields.seen & xForwarded) !== 0;
    const inForwarded = fields.has(FORWARDED);
    if (!this.#trusted || !(inX || inForwarded)) return at + this.#lines.copy(out, at);
    if (inX)
      at = appendTo('X-Forwarded-For: ', X_FORWARDED_FOR, this.#for, fields, bytes, base, out, at);
    if (!inForwarded) {
      if (!fields.has(X_FORWARDED_PROTO)) at += this.#protoLine.copy(out, at);
      if (!fields.has(X_FORWARDED_HOST)) at += this.#hostLine.copy(out, at);
      return at;
    }
    return appendTo('Forwarded: ', FORWARDED, this.#element, fields, bytes, base, out, at);
  }
}

/** One line: the values of every field of the kind, then ours. */
function appendTo(
  name: string,
  kind: number,
  ours: Buffer,
  fields: FieldSection,
  bytes: Buffer,
  base: number,
  out: Buffer,
  at: number,
): number {
  at += out.write(name, at, 'latin1');
  for (let index = 0; index < fields.count; index++) {
    if (fields.kinds[index] !== kind || fields.valueStart(index) === fields.valueEnd(index))
      continue;
    at += bytes.copy(out, at, base + fields.valueStart(index), base + fields.valueEnd(index));
    at += separator.copy(out, at);
  }
  at += ours.copy(out, at);
  return at + lineEnd.copy(out, at);
}
