/**
 * WebSocket frame headers and masking, RFC 6455 section 5.2. Pure: bytes in, bytes out.
 *
 *   byte 0   FIN, RSV1-3, opcode (4 bits)
 *   byte 1   MASK, length (7 bits; 126: next 2 bytes, 127: next 8 bytes)
 *   then     masking key (4 bytes, when MASK)
 */
import { randomFillSync } from 'node:crypto';
import { SallyportError } from '../../errors.ts';
import { CONTROL_FRAME_MAX_BYTES, MESSAGE_MAX_BYTES } from '../../limits.ts';

export const OPCODE_CONTINUATION = 0;
export const OPCODE_TEXT = 1;
export const OPCODE_BINARY = 2;
export const OPCODE_CLOSE = 8;
export const OPCODE_PING = 9;
export const OPCODE_PONG = 10;

export const FIN = 0x80;
export const RSV = 0x70;
export const MASK = 0x80;

/** The longest header: 2 bytes, 8 of length, 4 of key. */
export const HEADER_MAX_BYTES = 14;

/** How many bytes a header takes, judged by its second byte. */
export function headerBytes(second: number): number {
  const length = second & 0x7f;
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (second & MASK ? 4 : 0);
}

/** The length of the payload, as the header that begins at `at` says. Throws PROTOCOL_FRAME above MESSAGE_MAX_BYTES. */
export function payloadLength(h: Buffer, at: number): number {
  const short = h[at + 1] & 0x7f;
  if (short < 126) return short;
  if (short === 126) return (h[at + 2] << 8) | h[at + 3];
  const length = h.readUInt32BE(at + 2) * 2 ** 32 + h.readUInt32BE(at + 6);
  if (length > MESSAGE_MAX_BYTES)
    throw broken(`a message of ${length} bytes, above ${MESSAGE_MAX_BYTES}`);
  return length;
}

/**
 * Throws PROTOCOL_FRAME for a frame that must not come now. `fragmented`: a message has begun and not
 * ended; `text`: text messages are taken.
 */
export function checkOpcode(
  opcode: number,
  final: boolean,
  length: number,
  fragmented: boolean,
  text: boolean,
): void {
  if (opcode > OPCODE_PONG || (opcode > OPCODE_BINARY && opcode < OPCODE_CLOSE))
    throw broken(`unknown opcode ${opcode}`);
  if (opcode >= OPCODE_CLOSE) {
    if (!final) throw broken('a fragmented control frame');
    if (length > CONTROL_FRAME_MAX_BYTES) throw broken('a control frame above 125 bytes');
    return;
  }
  if (opcode === OPCODE_TEXT && !text) throw textRefused;
  const continues = opcode === OPCODE_CONTINUATION;
  if (continues && !fragmented) throw broken('a continuation without a message');
  if (!continues && fragmented) throw broken('a new message inside a fragmented one');
}

/**
 * Writes the header of one whole message in front of its payload, which stands in `[start, end)`
 * plus `more` bytes elsewhere. `key`: the masking key, or null for an unmasked frame; the payload is
 * not touched. Returns where the header starts.
 */
export function writeHeader(
  bytes: Buffer,
  start: number,
  end: number,
  more: number,
  key: number | null,
  opcode: number,
): number {
  const length = end - start + more;
  let at = start;
  let mask = 0;
  if (key !== null) {
    at -= 4;
    mask = MASK;
    bytes[at] = key;
    bytes[at + 1] = key >>> 8;
    bytes[at + 2] = key >>> 16;
    bytes[at + 3] = key >>> 24;
  }
  if (length < 126) {
    at -= 2;
    bytes[at + 1] = mask | length;
  } else if (length < 0x10000) {
    at -= 4;
    bytes[at + 1] = mask | 126;
    bytes[at + 2] = length >>> 8;
    bytes[at + 3] = length;
  } else {
    at -= 10;
    bytes[at + 1] = mask | 127;
    bytes[at + 2] = bytes[at + 3] = bytes[at + 4] = bytes[at + 5] = 0;
    bytes[at + 6] = length >>> 24;
    bytes[at + 7] = length >>> 16;
    bytes[at + 8] = length >>> 8;
    bytes[at + 9] = length;
  }
  bytes[at] = FIN | opcode;
  return at;
}

/**
 * XORs `[start, end)` with a masking key whose bytes stand in `key` from low to high. `phase`: how
 * many bytes of the message came before, modulo 4. Four bytes at a time where alignment allows.
 */
export function applyMask(
  bytes: Buffer,
  start: number,
  end: number,
  key: number,
  phase: number,
): void {
  let at = start;
  let shift = (phase & 3) * 8;
  while (at < end && (bytes.byteOffset + at) & 3) {
    bytes[at] = bytes[at] ^ (key >>> shift);
    shift = (shift + 8) & 31;
    at++;
  }
  const words = (end - at) >> 2;
  if (words > 0) {
    const rotated = shift === 0 ? key : (key >>> shift) | (key << (32 - shift));
    const view = new Int32Array(bytes.buffer, bytes.byteOffset + at, words);
    for (let i = 0; i < words; i++) view[i] = view[i] ^ rotated;
    at += words * 4;
  }
  while (at < end) {
    bytes[at] = bytes[at] ^ (key >>> shift);
    shift = (shift + 8) & 31;
    at++;
  }
}

/** A whole frame: for control frames and empty messages. `masked`: with a fresh key. */
export function controlFrame(opcode: number, payload: Buffer, masked: boolean): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_MAX_BYTES + payload.length);
  payload.copy(frame, HEADER_MAX_BYTES);
  const key = masked ? randomKey() : null;
  if (key !== null) applyMask(frame, HEADER_MAX_BYTES, frame.length, key, 0);
  return frame.subarray(writeHeader(frame, HEADER_MAX_BYTES, frame.length, 0, key, opcode));
}

const KEYS = 1024;
const keys = new Int32Array(KEYS);
let nextKey = KEYS;

/** A fresh unpredictable masking key, as RFC 6455 section 5.3 asks; drawn from a pool to be cheap. */
export function randomKey(): number {
  if (nextKey === KEYS) {
    randomFillSync(keys);
    nextKey = 0;
  }
  return keys[nextKey++];
}

/** The error of a peer that broke the framing; it ends the link. */
export function broken(why: string): SallyportError {
  return new SallyportError('PROTOCOL_FRAME', `websocket frame: ${why}`);
}

/** What RFC 6455, section 7.4.1, has a close code of its own for. */
export const textRefused = broken('a text message; only binary ones are spoken here');
