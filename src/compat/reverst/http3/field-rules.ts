/** What holds for the fields of every message; RFC 9114, section 4.2. */
import { classes, TOKEN, VALUE } from '../../../http1/characters.ts';
import type { Field } from './field.ts';
import { malformed, type MessageKind } from './fault.ts';

/** Fields that concern one connection of HTTP/1.1, and make a message malformed here; section 4.2. */
export const connectionSpecific: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** 2^53 - 1 has sixteen digits. */
const LENGTH_DIGITS_MAX = 16;

/** Checks what came; answers the field with its value trimmed, RFC 9110, section 5.5. */
export function checkedField(kind: MessageKind, [name, value]: Field): Field {
  if (!isFieldName(name))
    throw malformed(kind, 'a field name is not a token of lower-case letters');
  if (!isFieldValue(value)) throw malformed(kind, `field ${name} has a control character`);
  if (connectionSpecific.has(name))
    throw malformed(kind, `field ${name} is of HTTP/1.1 connections`);
  const trimmed = value.replace(/^[ \t]+|[ \t]+$/g, '');
  if (name === 'te' && trimmed.toLowerCase() !== 'trailers')
    throw malformed(kind, 'field te says something else than trailers');
  return trimmed === value ? [name, value] : [name, trimmed];
}

export function isFieldName(name: string): boolean {
  return name !== '' && everyByte(name, TOKEN) && !/[A-Z]/.test(name);
}

export function isFieldValue(value: string): boolean {
  return everyByte(value, VALUE);
}

export function isToken(text: string): boolean {
  return text !== '' && everyByte(text, TOKEN);
}

/** Whether all characters are bytes of the class. */
export function everyByte(text: string, of: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    if (byte > 0xff || !(classes[byte] & of)) return false;
  }
  return true;
}

/** The value of a Content-Length: plain digits, RFC 9110, section 8.6. */
export function readContentLength(kind: MessageKind, value: string): number {
  const length = Number(value);
  if (!/^[0-9]+$/.test(value) || value.length > LENGTH_DIGITS_MAX || !Number.isSafeInteger(length))
    throw malformed(kind, 'content-length is not a plain number');
  return length;
}

/** The fields of a message as checked, apart from those that have a place of their own. */
export interface ReadFields {
  /** In their order; without pseudo-header fields and content-length. */
  readonly fields: readonly Field[];
  /** By name, with the colon. */
  readonly pseudo: ReadonlyMap<string, string>;
  readonly contentLength: number | null;
}

/**
 * Takes a header section apart: pseudo-header fields first, known ones, each once (section 4.3), and
 * content-length, which may be repeated only with the same value.
 */
export function readFields(
  kind: MessageKind,
  section: readonly Field[],
  known: ReadonlySet<string>,
): ReadFields {
  const fields: Field[] = [];
  const pseudo = new Map<string, string>();
  let contentLength: number | null = null;
  let begun = false;
  for (const field of section) {
    const [name, value] = field;
    if (name.startsWith(':')) {
      if (begun) throw malformed(kind, 'a pseudo-header field stands behind other fields');
      if (!known.has(name)) throw malformed(kind, 'a pseudo-header field is not known');
      if (pseudo.has(name)) throw malformed(kind, `${name} stands there twice`);
      pseudo.set(name, value);
      continue;
    }
    begun = true;
    const checked = checkedField(kind, field);
    if (name === 'content-length') {
      const length = readContentLength(kind, checked[1]);
      if (contentLength !== null && contentLength !== length)
        throw malformed(kind, 'content-length stands there with two values');
      contentLength = length;
    } else {
      fields.push(checked);
    }
  }
  return { fields, pseudo, contentLength };
}

/** Of fields of HTTP/1.1: those that may go out, with lower-case names. Throws for what no field may be. */
export function outgoingFields(kind: MessageKind, fields: readonly Field[]): Field[] {
  const lower = fields.map(([name, value]): Field => [name.toLowerCase(), value]);
  const nominated = new Set(
    lower.flatMap(([name, value]) =>
      name === 'connection' ? value.split(',').map((option) => option.trim().toLowerCase()) : [],
    ),
  );
  return lower.filter(([name, value]) => {
    if (connectionSpecific.has(name) || nominated.has(name) || name === 'content-length')
      return false;
    if (name === 'te') return value.toLowerCase() === 'trailers';
    if (!isFieldName(name)) throw malformed(kind, 'a field to be sent has no valid name');
    if (!isFieldValue(value))
      throw malformed(kind, `field ${name} to be sent has a control character`);
    return true;
  });
}
