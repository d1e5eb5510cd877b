/** The value of Content-Length: plain digits and nothing else; RFC 9112, section 6.3. */
import { classes, DIGIT } from './characters.ts';
import { CONTENT_LENGTH } from './field-kinds.ts';
import type { FieldSection } from './field-section.ts';

/** 2^53 - 1 has sixteen digits. */
const DIGITS_MAX = 16;

/** Reads it; call only where the field is there. Throws the role's `invalid`. */
export function contentLength(fields: FieldSection, bytes: Uint8Array, base: number): number {
  const index = fields.position(CONTENT_LENGTH);
  const start = base + fields.valueStart(index);
  const end = base + fields.valueEnd(index);
  if (start === end || end - start > DIGITS_MAX)
    throw fields.refusals.invalid('Content-Length is empty or too large');
  let length = 0;
  for (let i = start; i < end; i++) {
    if (!(classes[bytes[i]] & DIGIT))
      throw fields.refusals.invalid('Content-Length is not a plain number');
    length = length * 10 + (bytes[i] - 0x30);
  }
  if (!Number.isSafeInteger(length)) throw fields.refusals.invalid('Content-Length is too large');
  return length;
}
