/**
 * The payload of a close frame, RFC 6455 sections 5.5.1 and 7.4: a code (2 bytes) and a reason in
 * UTF-8. The reason of our own is `CODE: message`, so that the other end learns the named error.
 */
import { isUtf8 } from 'node:buffer';
import type { SallyportError } from '../../errors.ts';
import { CONTROL_FRAME_MAX_BYTES } from '../../limits.ts';
import { closeReason, namedError } from '../close-reason.ts';
import { broken, textRefused } from './frame.ts';

const NORMAL = 1000;
const PROTOCOL = 1002;
const UNSUPPORTED = 1003;
const INTERNAL = 1011;

/** What to send when this end closes; a reason that is too long loses its last characters. */
export function closePayload(error: SallyportError | null): Buffer {
  if (error === null) return closePayloadOf(NORMAL, '');
  const code = error.code === 'PROTOCOL_FRAME' ? PROTOCOL : INTERNAL;
  const told = error === textRefused ? UNSUPPORTED : code;
  return closePayloadOf(told, closeReason(error));
}

/** Of a code and a reason that older programs know. */
export function closePayloadOf(code: number, reason: string): Buffer {
  const payload = Buffer.alloc(CONTROL_FRAME_MAX_BYTES);
  payload.writeUInt16BE(code);
  return payload.subarray(0, 2 + payload.write(reason, 2));
}

/**
 * What a peer's close means: null when it closed in order, else the error it named, LINK_LOST when it
 * is not of our kind. Throws PROTOCOL_FRAME for a payload that must not be sent.
 */
export function readClose(payload: Buffer): SallyportError | null {
  if (payload.length === 0) return null;
  if (payload.length === 1) throw broken('a close frame of one byte');
  const code = payload.readUInt16BE(0);
  if (!mayBeSent(code)) throw broken(`close code ${code}`);
  if (!isUtf8(payload.subarray(2))) throw broken('a close reason that is not UTF-8');
  return code === NORMAL ? null : namedError(payload.toString('utf8', 2), `code ${code}`);
}

/** The answer to a peer's close: its own code. */
export function closeAnswer(payload: Buffer): Buffer {
  return payload.subarray(0, 2);
}

/** Codes that a close frame may carry: the registered ones, and those of libraries and applications. */
function mayBeSent(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}
