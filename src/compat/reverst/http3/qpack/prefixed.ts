/** Integers and strings that begin within a byte; RFC 9204, section 4.1 (RFC 7541, section 5). */
import { connectionFault, type H3Name } from '../fault.ts';
import { huffmanLength, huffmanTextMax, readHuffman, writeHuffman } from './huffman.ts';

/** Continuation bytes that 62 bits take at most. */
const CONTINUATIONS_MAX = 9;
/** The longest integer that is written: a length or an index. */
export const PREFIXED_INTEGER_MAX_BYTES = 6;

/** Writes an integer behind `flags`, in the lowest `prefix` bits and as many bytes as it takes. */
export function writeInteger(
  bytes: Buffer,
  at: number,
  flags: number,
  prefix: number,
  value: number,
): number {
  const full = (1 << prefix) - 1;
  if (value < full) return bytes.writeUInt8(flags | value, at);
  let next = bytes.writeUInt8(flags | full, at);
  let rest = value - full;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80))
    next = bytes.writeUInt8(0x80 | (rest % 0x80), next);
  return bytes.writeUInt8(rest, next);
}

/** Writes a string, coded where that is shorter; the flag for that is the bit above the prefix. */
export function writeString(
  bytes: Buffer,
  at: number,
  flags: number,
  prefix: number,
  text: string,
): number {
  const coded = huffmanLength(text);
  if (coded < text.length) {
    const next = writeInteger(bytes, at, flags | (1 << prefix), prefix, coded);
    return writeHuffman(bytes, next, text);
  }
  const next = writeInteger(bytes, at, flags, prefix, text.length);
  return next + bytes.write(text, next, 'latin1');
}

/** Reads one value after the other; what is cut off or malformed fails the connection with `fault`. */
export class PrefixedReader {
  #bytes: Buffer;
  #at = 0;
  readonly #fault: H3Name;

  constructor(bytes: Buffer, fault: H3Name) {
    this.#bytes = bytes;
    this.#fault = fault;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The byte that the next value begins in; only where not `done`. */
  get next(): number {
    return this.#bytes[this.#at];
  }

  fail(why: string): never {
    throw connectionFault(this.#fault, why);
  }

  integer(prefix: number): number {
    const full = (1 << prefix) - 1;
    let value = this.#byte() & full;
    if (value < full) return value;
    let scale = 1;
    for (let i = 0; i < CONTINUATIONS_MAX; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    return this.fail('an integer is longer than 62 bits');
  }

  string(prefix: number): string {
    if (this.done) this.fail('a string is missing');
    const coded = (this.next & (1 << prefix)) !== 0;
    const length = this.integer(prefix);
    const start = this.#at;
    const end = start + length;
    if (end > this.#bytes.length) this.fail('a string is cut off');
    this.#at = end;
    if (!coded) return this.#bytes.toString('latin1', start, end);
    const text = Buffer.allocUnsafe(huffmanTextMax(length));
    const written = readHuffman(this.#bytes, start, end, text);
    if (written < 0) this.fail('a string is not valid Huffman code');
    return text.toString('latin1', 0, written);
  }

  #byte(): number {
    if (this.done) this.fail('an integer is cut off');
    return this.#bytes[this.#at++];
  }
}
