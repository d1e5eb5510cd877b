/** How each role words what it refuses. No refusal repeats what was sent: it could be a secret. */
import { SallyportError, type ErrorCode } from '../errors.ts';
import { HTTP_HEAD_MAX_BYTES } from '../limits.ts';

export interface Refusals {
  /** Malformed or ambiguous. */
  invalid(why: string): SallyportError;
  /** Beyond a limit. */
  tooLong(why: string): SallyportError;
  /** Well-formed, but not spoken here. */
  unsupported(why: string): SallyportError;
}

function refusals(
  what: string,
  invalid: ErrorCode,
  tooLong: ErrorCode,
  unsupported: ErrorCode,
): Refusals {
  return {
    invalid: (why) => new SallyportError(invalid, `${what}: ${why}`),
    tooLong: (why) => new SallyportError(tooLong, `${what}: ${why}`),
    unsupported: (why) => new SallyportError(unsupported, `${what}: ${why}`),
  };
}

export const requestRefusals = refusals(
  'request head',
  'REQUEST_INVALID',
  'REQUEST_TOO_LONG',
  'REQUEST_UNSUPPORTED',
);

export const responseRefusals = refusals(
  'response head',
  'RESPONSE_INVALID',
  'RESPONSE_INVALID',
  'RESPONSE_INVALID',
);

export const headTooLong = `longer than ${HTTP_HEAD_MAX_BYTES} bytes`;
