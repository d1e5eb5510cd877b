/** Values of msgpack as Go's encoder writes them for the fields of a registration. */

/** A byte, always in two: it never uses the one-byte form for this type. */
export function packUint8(value: number): Buffer {
  return Buffer.of(0xcc, value);
}

/** Text, with str8 where 31 bytes are not enough. */
export function packText(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length < 32) return Buffer.concat([Buffer.of(0xa0 | bytes.length), bytes]);
  return withLength(0xd9, bytes);
}

export function packBytes(bytes: Buffer): Buffer {
  return withLength(0xc4, bytes);
}

/** `type` is that of one byte of length; those of two and four follow it. */
function withLength(type: number, bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  const { length } = bytes;
  if (length < 0x100) head.writeUInt8(length, head.writeUInt8(type, 0));
  else if (length < 0x10000) head.writeUInt16BE(length, head.writeUInt8(type + 1, 0));
  else head.writeUInt32BE(length, head.writeUInt8(type + 2, 0));
  const size = length < 0x100 ? 2 : length < 0x10000 ? 3 : 5;
  return Buffer.concat([head.subarray(0, size), bytes]);
}
