/**
 * What the requests of a polled link say beside their bytes.
 *
 * | request                | meaning                                                            |
 * |------------------------|--------------------------------------------------------------------|
 * | `POST /api/v1/poll`      | opens a link: 201 with `{"link":ID,"secret":SECRET}`                 |
 * | `POST /api/v1/poll/ID`   | bytes up, the first of them at `Sallyport-At`: 204                   |
 * | `GET /api/v1/poll/ID`    | bytes down from `Sallyport-Ack` on: 200, or 204 when none came in time |
 * | `DELETE /api/v1/poll/ID` | the end, with an error as JSON or without a body: 204               |
 *
 * Every request and answer tells by `Sallyport-Ack` how many bytes its sender has received.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isErrorCode, SallyportError } from '../../errors.ts';
import { FAILURE_MESSAGE_MAX_CHARS } from '../../limits.ts';

export const POLL_PATH = '/api/v1/poll';

export const fieldNames = {
  at: 'sallyport-at',
  ack: 'sallyport-ack',
  number: 'sallyport-number',
  proof: 'sallyport-proof',
} as const;

/** What a request says of itself. */
export interface PollWords {
  /** Counts the requests of one kind, upwards: a request that was seen before is refused. */
  readonly number: number;
  /** Offset of the first byte of its body; 0 where there is none. */
  readonly at: number;
  /** Bytes that its sender has received. */
  readonly ack: number;
}

export type PollMethod = 'POST' | 'GET' | 'DELETE';

/** The fields of a request, proven by the secret of the link: whoever saw one cannot make another. */
export function pollFields(
  secret: Buffer,
  method: PollMethod,
  link: string,
  words: PollWords,
): Record<string, string> {
  return {
    [fieldNames.number]: String(words.number),
    [fieldNames.at]: String(words.at),
    [fieldNames.ack]: String(words.ack),
    [fieldNames.proof]: proofOf(secret, method, link, words).toString('base64url'),
  };
}

/** Reads them. Null when one is missing or malformed, or the proof is wrong. */
export function readPollFields(
  secret: Buffer,
  method: PollMethod,
  link: string,
  field: (name: string) => string | undefined,
): PollWords | null {
  const number = readOffset(field(fieldNames.number));
  const at = readOffset(field(fieldNames.at));
  const ack = readOffset(field(fieldNames.ack));
  if (number === null || at === null || ack === null) return null;
  const words = { number, at, ack };
  const given = Buffer.from(field(fieldNames.proof) ?? '', 'base64url');
  const right = proofOf(secret, method, link, words);
  return given.length === right.length && timingSafeEqual(given, right) ? words : null;
}

function proofOf(secret: Buffer, method: PollMethod, link: string, words: PollWords): Buffer {
  const { number, at, ack } = words;
  return createHmac('sha256', secret).update(`${method} ${link} ${number} ${at} ${ack}`).digest();
}

/** A whole number that a double holds exactly; null for anything else. */
export function readOffset(text: string | undefined): number | null {
  if (text === undefined || !/^(?:0|[1-9]\d{0,15})$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/** How a link ends, as the body of a DELETE or of a 410: empty when it ends in order. */
export function encodeEnd(error: SallyportError | null): string {
  return error === null
    ? ''
    : JSON.stringify({ error: { code: error.code, message: error.message } });
}

/** Reads it; what is malformed is an end nevertheless. */
export function readEnd(text: string): SallyportError | null {
  if (text === '') return null;
  try {
    const { error } = JSON.parse(text) as { error: { code: unknown; message: unknown } };
    const code = String(error.code);
    const message = String(error.message).slice(0, FAILURE_MESSAGE_MAX_CHARS);
    return isErrorCode(code)
      ? new SallyportError(code, message)
      : new SallyportError('LINK_LOST', `link: ${code.slice(0, 64)}: ${message}`);
  } catch {
    return new SallyportError(
      'LINK_LOST',
      'link: the peer ended it, and its reason cannot be read',
    );
  }
}
