/**
 * The part of a datagram's first packet that is the same in all versions of QUIC (RFC 8999), and the
 * token of an Initial (RFC 9000, section 17.2.2). Read here, so that nothing that belongs to no
 * connection, and is no Initial, gets as far as the native code.
 */

import { randomBytes } from 'node:crypto';

/** Bytes of our own connection ids: short headers do not say how long they are. */
export const CONNECTION_ID_BYTES = 16;
/** A client's Initial comes in a datagram of at least this size; RFC 9000, section 14.1. */
export const INITIAL_MIN_BYTES = 1_200;
/** Connection ids of version 1 are no longer than this; RFC 9000, section 17.2. */
const ID_MAX_BYTES = 20;

/**
 * How the id of a client begins that will show a certificate. The library cannot ask for one without
 * demanding it, and nothing else of a first packet says what is to come; who lies is refused.
 */
const CERTIFIED = Buffer.from('a7d61c94e2083bf5', 'hex');

export function newClientId(certified: boolean): Buffer {
  const id = randomBytes(CONNECTION_ID_BYTES);
  return certified ? Buffer.concat([CERTIFIED, id.subarray(CERTIFIED.length)]) : id;
}

export function saysCertified(source: Buffer): boolean {
  return (
    source.length === CONNECTION_ID_BYTES && source.subarray(0, CERTIFIED.length).equals(CERTIFIED)
  );
}

export interface LongHeader {
  readonly version: number;
  readonly destination: Buffer;
  readonly source: Buffer;
  /** Of an Initial of version 1; null for every other packet. */
  readonly token: Buffer | null;
}

/** The destination of a packet with a short header; null when it is too short to have one. */
export function shortDestination(datagram: Buffer): Buffer | null {
  return datagram.length > CONNECTION_ID_BYTES
    ? datagram.subarray(1, 1 + CONNECTION_ID_BYTES)
    : null;
}

export function isLong(datagram: Buffer): boolean {
  return datagram.length > 0 && (datagram[0] & 0x80) !== 0;
}

/** Null for what no version of QUIC sends, and for ids longer than ours can be. */
export function readLongHeader(datagram: Buffer): LongHeader | null {
  if (datagram.length < 7) return null;
  const version = datagram.readUInt32BE(1);
  const destinationEnd = 6 + datagram[5];
  if (datagram[5] > ID_MAX_BYTES || destinationEnd >= datagram.length) return null;
  const sourceEnd = destinationEnd + 1 + datagram[destinationEnd];
  if (datagram[destinationEnd] > ID_MAX_BYTES || sourceEnd > datagram.length) return null;
  const isInitial = version === 1 && (datagram[0] & 0x30) === 0;
  const token = isInitial ? readToken(datagram, sourceEnd) : null;
  if (isInitial && token === null) return null;
  return {
    version,
    destination: datagram.subarray(6, destinationEnd),
    source: datagram.subarray(destinationEnd + 1, sourceEnd),
    token,
  };
}

/** A variable-length integer (RFC 9000, section 16) and so many bytes. */
function readToken(datagram: Buffer, at: number): Buffer | null {
  if (at >= datagram.length) return null;
  const size = 1 << (datagram[at] >> 6);
  if (size > 2 || at + size > datagram.length) return null;
  const length = size === 1 ? datagram[at] & 0x3f : datagram.readUInt16BE(at) & 0x3fff;
  const start = at + size;
  return start + length > datagram.length ? null : datagram.subarray(start, start + length);
}
