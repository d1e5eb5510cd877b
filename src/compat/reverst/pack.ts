/** Values of msgpack as Go's encoder writes them for the fields of a registration. */

/** A byte, always in two: it never uses the one-byte form for this type. */
export function packUint8(value: number): Buffer {
  return Buffer.of(0xcc, value);
}

/** Text, with a length of its own where 31 bytes are not enough. */
export function packText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([textHead(bytes.length), bytes]);
}

function textHead(length: number): Buffer {
  if (length < 32) return Buffer.of(0xa0 | length);
  const head = Buffer.alloc(5);
  if (length < 0x100) return head.subarray(0, head.writeUInt8(length, head.writeUInt8(0xd9, 0)));
  if (length < 0x10000)
    return head.subarray(0, head.writeUInt16BE(length, head.writeUInt8(0xda, 0)));
  return head.subarray(0, head.writeUInt32BE(length, head.writeUInt8(0xdb, 0)));
}
