/**
 * yamux frames: a 12-byte header, big endian, and for data frames a payload.
 * Source: the yamux specification (hashicorp/yamux, spec.md); bytes in docs/protocol.md.
 *
 *   byte 0      version, 0
 *   byte 1      type
 *   byte 2-3    flags
 *   byte 4-7    stream id, 0 for the session itself
 *   byte 8-11   length: payload bytes, window increment, ping value or go-away code
 */
import { SallyportError } from '../../errors.ts';

export const FRAME_HEADER_BYTES = 12;
export const VERSION = 0;

export const TYPE_DATA = 0;
export const TYPE_WINDOW = 1;
export const TYPE_PING = 2;
export const TYPE_GO_AWAY = 3;

export const FLAG_SYN = 1;
export const FLAG_ACK = 2;
export const FLAG_FIN = 4;
export const FLAG_RST = 8;
export const FLAGS_ALL = FLAG_SYN | FLAG_ACK | FLAG_FIN | FLAG_RST;

export const GO_AWAY_NORMAL = 0;
export const GO_AWAY_PROTOCOL = 1;
export const GO_AWAY_INTERNAL = 2;

/** Writes a header at `at`; the caller has checked that 12 bytes fit. */
export function writeFrameHeader(
  bytes: Buffer,
  at: number,
  type: number,
  flags: number,
  id: number,
  length: number,
): void {
  bytes[at] = VERSION;
  bytes[at + 1] = type;
  bytes[at + 2] = 0;
  bytes[at + 3] = flags;
  bytes[at + 4] = id >>> 24;
  bytes[at + 5] = id >>> 16;
  bytes[at + 6] = id >>> 8;
  bytes[at + 7] = id;
  bytes[at + 8] = length >>> 24;
  bytes[at + 9] = length >>> 16;
  bytes[at + 10] = length >>> 8;
  bytes[at + 11] = length;
}

/** The error of a peer that broke the protocol; it ends the session. */
export function violation(why: string): SallyportError {
  return new SallyportError('PROTOCOL_FRAME', `yamux frame: ${why}`);
}
