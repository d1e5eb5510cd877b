/** Error codes of HTTP/3 (RFC 9114, section 8.1) and QPACK (RFC 9204, section 6), and the failures they name. */
import { SallyportError, type ErrorCode } from '../../../errors.ts';

/** What resets, stops and closes carry. */
export const H3 = {
  NO_ERROR: 0x100,
  GENERAL_PROTOCOL_ERROR: 0x101,
  INTERNAL_ERROR: 0x102,
  STREAM_CREATION_ERROR: 0x103,
  CLOSED_CRITICAL_STREAM: 0x104,
  FRAME_UNEXPECTED: 0x105,
  FRAME_ERROR: 0x106,
  EXCESSIVE_LOAD: 0x107,
  ID_ERROR: 0x108,
  SETTINGS_ERROR: 0x109,
  MISSING_SETTINGS: 0x10a,
  REQUEST_REJECTED: 0x10b,
  REQUEST_CANCELLED: 0x10c,
  REQUEST_INCOMPLETE: 0x10d,
  MESSAGE_ERROR: 0x10e,
  CONNECT_ERROR: 0x10f,
  VERSION_FALLBACK: 0x110,
  QPACK_DECOMPRESSION_FAILED: 0x200,
  QPACK_ENCODER_STREAM_ERROR: 0x201,
  QPACK_DECODER_STREAM_ERROR: 0x202,
} as const;

export type H3Name = keyof typeof H3;

const names = new Map<number, string>(
  Object.entries(H3).map(([name, code]) => [code, name.startsWith('QPACK') ? name : `H3_${name}`]),
);

/** `H3_FRAME_ERROR`, or the number of a code that is not known. */
export function h3Name(code: number): string {
  return names.get(code) ?? `0x${code.toString(16)}`;
}

/** A failure of HTTP/3: of one stream, or of the connection with everything on it. */
export class Http3Error extends SallyportError {
  /** What the peer is told, or has told. */
  readonly h3: number;
  readonly scope: 'stream' | 'connection';

  constructor(scope: 'stream' | 'connection', code: ErrorCode, h3: number, why: string) {
    super(code, `HTTP/3 ${scope}: ${why} (${h3Name(h3)})`);
    this.h3 = h3;
    this.scope = scope;
  }
}

/** The peer broke the protocol: its connection ends. */
export function connectionFault(name: H3Name, why: string): Http3Error {
  return new Http3Error('connection', 'PROTOCOL_FRAME', H3[name], why);
}

/** Which half of an exchange a message is. */
export type MessageKind = 'request' | 'response';

/** The message is malformed, RFC 9114, section 4.1.2: its stream ends, the others go on. */
export function malformed(kind: MessageKind, why: string): Http3Error {
  const code = kind === 'request' ? 'REQUEST_INVALID' : 'RESPONSE_INVALID';
  return new Http3Error('stream', code, H3.MESSAGE_ERROR, why);
}

/** The message holds more than is read of one. */
export function excessive(kind: MessageKind, why: string): Http3Error {
  const code = kind === 'request' ? 'REQUEST_TOO_LONG' : 'RESPONSE_INVALID';
  return new Http3Error('stream', code, H3.EXCESSIVE_LOAD, why);
}

/** The peer broke the exchange off. With H3_REQUEST_REJECTED it has done nothing of it. */
export function brokenOff(h3: number, why: string): Http3Error {
  return new Http3Error('stream', 'STREAM_RESET', h3, why);
}
