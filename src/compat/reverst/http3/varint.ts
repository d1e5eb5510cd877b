/**
 * Variable-length integers; RFC 9000, section 16. They may be as large as 2^62 - 1, numbers hold 2^53
 * exactly. Nothing that this end knows is so large: a larger one stays large, and that is enough.
 */

/** Bytes of the longest one. */
export const VARINT_MAX_BYTES = 8;

const SIX_BITS = 0x40;
const FOURTEEN_BITS = 0x4000;
const THIRTY_BITS = 0x4000_0000;

/** Writes a whole number from 0 to 2^53 - 1 in its shortest form; answers where it ends. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  if (value < SIX_BITS) return bytes.writeUInt8(value, at);
  if (value < FOURTEEN_BITS) return bytes.writeUInt16BE(0x4000 | value, at);
  if (value < THIRTY_BITS) return bytes.writeUInt32BE(0x8000_0000 + value, at);
  return bytes.writeBigUInt64BE(0xc000_0000_0000_0000n | BigInt(value), at);
}

export function varint(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(VARINT_MAX_BYTES);
  return bytes.subarray(0, writeVarint(bytes, 0, value));
}

/** Reads one byte after the other, in as many pieces as they come. */
export class VarintReader {
  /** Good once `feed` has answered true, until the next call. */
  value = 0;
  #left = 0;

  /** True: the integer is whole. */
  feed(byte: number): boolean {
    if (this.#left === 0) {
      this.value = byte & 0x3f;
      this.#left = (1 << (byte >> 6)) - 1;
    } else {
      this.value = this.value * 256 + byte;
      this.#left--;
    }
    return this.#left === 0;
  }

  /** In the middle of an integer. */
  get partial(): boolean {
    return this.#left > 0;
  }
}

/** All integers that the bytes are made of; null when the last one is cut off. */
export function readVarints(bytes: Uint8Array): number[] | null {
  const reader = new VarintReader();
  const values: number[] = [];
  for (const byte of bytes) if (reader.feed(byte)) values.push(reader.value);
  return reader.partial ? null : values;
}
