/** WebSocket frames written by hand, right or wrong, without the code under test. */

export interface FrameParts {
  opcode: number;
  payload?: Buffer;
  /** Default: the only or last one of its message. */
  fin?: boolean;
  /** RSV1-3 as the three bits 0x40, 0x20, 0x10. */
  rsv?: number;
  /** Four bytes; absent: unmasked. */
  key?: Buffer;
  /** Written instead of the length of the payload. */
  length?: bigint;
  /** Writes the length in 2 or 8 bytes where fewer would do. */
  lengthBytes?: 2 | 8;
}

export function websocketFrame(parts: FrameParts): Buffer {
  const payload = Buffer.from(parts.payload ?? Buffer.alloc(0));
  const length = parts.length ?? BigInt(payload.length);
  const form = parts.lengthBytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8);
  const head = Buffer.alloc(2 + form);
  head[0] = (parts.fin === false ? 0 : 0x80) | (parts.rsv ?? 0) | parts.opcode;
  head[1] = form === 0 ? Number(length) : form === 2 ? 126 : 127;
  if (form === 2) head.writeUInt16BE(Number(length), 2);
  if (form === 8) head.writeBigUInt64BE(length, 2);
  const { key } = parts;
  if (key === undefined) return Buffer.concat([head, payload]);
  head[1] |= 0x80;
  for (let i = 0; i < payload.length; i++) payload[i] ^= key[i & 3];
  return Buffer.concat([head, key, payload]);
}

export interface ReadFrame {
  opcode: number;
  fin: boolean;
  masked: boolean;
  payload: Buffer;
}

/** The frames that stand in `bytes`; a part of one at the end is left out. */
export function readWebsocketFrames(bytes: Buffer): ReadFrame[] {
  const frames: ReadFrame[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const first = bytes[at];
    const second = bytes[at + 1];
    let next = at + 2;
    let length = second & 0x7f;
    if (length === 126) {
      if (next + 2 > bytes.length) break;
      length = bytes.readUInt16BE(next);
      next += 2;
    } else if (length === 127) {
      if (next + 8 > bytes.length) break;
      length = Number(bytes.readBigUInt64BE(next));
      next += 8;
    }
    const masked = (second & 0x80) !== 0;
    const key = bytes.subarray(next, next + (masked ? 4 : 0));
    next += key.length;
    if (next + length > bytes.length) break;
    const payload = Buffer.from(bytes.subarray(next, next + length));
    if (masked) for (let i = 0; i < length; i++) payload[i] ^= key[i & 3];
    frames.push({ opcode: first & 0x0f, fin: (first & 0x80) !== 0, masked, payload });
    at = next + length;
  }
  return frames;
}
