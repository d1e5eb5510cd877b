/**
 * Hubble messages as bytes: a type byte and one msgpack map. The originals write keys in byte order,
 * and text and bytes alike in the raw family of old msgpack: `a0+n`, `da`, `db`, never str8 or bin.
 */

export type Packable = string | number | boolean | Uint8Array;

/** A message; fields that are undefined are left out. */
export function pack(type: number, fields: Readonly<Record<string, Packable | undefined>>): Buffer {
  const names = Object.keys(fields)
    .filter((name) => fields[name] !== undefined)
    .toSorted();
  const pieces: Buffer[] = [Buffer.of(type, 0x80 | names.length)];
  for (const name of names) pieces.push(packRaw(Buffer.from(name)), packValue(fields[name]!));
  return Buffer.concat(pieces);
}

function packValue(value: Packable): Buffer {
  if (typeof value === 'boolean') return Buffer.of(value ? 0xc3 : 0xc2);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(UINT_MAX_BYTES);
    return bytes.subarray(0, writeUint(bytes, 0, value));
  }
  return packRaw(typeof value === 'string' ? Buffer.from(value) : value);
}

function packRaw(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(RAW_HEAD_MAX_BYTES);
  return Buffer.concat([head.subarray(0, writeRawHead(head, 0, bytes.length)), bytes]);
}

/** The longest head of a raw value. */
export const RAW_HEAD_MAX_BYTES = 5;
/** The longest integer. */
export const UINT_MAX_BYTES = 9;

/** Writes the head of `length` raw bytes; answers where they begin. */
export function writeRawHead(bytes: Buffer, at: number, length: number): number {
  if (length < 32) return bytes.writeUInt8(0xa0 | length, at);
  if (length < 0x10000) return bytes.writeUInt16BE(length, bytes.writeUInt8(0xda, at));
  return bytes.writeUInt32BE(length, bytes.writeUInt8(0xdb, at));
}

/** Writes a whole number from 0 in its shortest form; answers where it ends. */
export function writeUint(bytes: Buffer, at: number, value: number): number {
  if (value < 0x80) return bytes.writeUInt8(value, at);
  if (value < 0x100) return bytes.writeUInt8(value, bytes.writeUInt8(0xcc, at));
  if (value < 0x10000) return bytes.writeUInt16BE(value, bytes.writeUInt8(0xcd, at));
  if (value < 0x1_0000_0000) return bytes.writeUInt32BE(value, bytes.writeUInt8(0xce, at));
  return bytes.writeBigUInt64BE(BigInt(value), bytes.writeUInt8(0xcf, at));
}
