/** The frames of HTTP/3; RFC 9114, section 7. */
import { VARINT_MAX_BYTES, varint, writeVarint } from './varint.ts';

export const FRAME = {
  DATA: 0x0,
  HEADERS: 0x1,
  CANCEL_PUSH: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  GOAWAY: 0x7,
  MAX_PUSH_ID: 0xd,
} as const;

/** Types of HTTP/2 frames that HTTP/3 has no use for; receiving one is an error, section 7.2.8. */
export const HTTP2_FRAMES: ReadonlySet<number> = new Set([0x2, 0x6, 0x8, 0x9]);

/** Type and length, in front of a payload that is sent apart. */
export function frameHead(type: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(2 * VARINT_MAX_BYTES);
  return head.subarray(0, writeVarint(head, writeVarint(head, 0, type), length));
}

export function frame(type: number, payload: Buffer): Buffer {
  return Buffer.concat([frameHead(type, payload.length), payload]);
}

/** A frame of a reserved type, which means nothing; section 7.2.8. */
export const IDLE_FRAME: Buffer = frame(0x21, Buffer.alloc(0));

/** A frame whose payload is one integer: GOAWAY, MAX_PUSH_ID, CANCEL_PUSH. */
export function integerFrame(type: number, value: number): Buffer {
  return frame(type, varint(value));
}
