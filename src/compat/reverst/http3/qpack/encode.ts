/** Field sections as bytes: the static table and literals, so that nothing ever waits; RFC 9204, section 4.5. */
import type { Field } from '../field.ts';
import { PREFIXED_INTEGER_MAX_BYTES, writeInteger, writeString } from './prefixed.ts';
import { fieldIndex, nameIndex } from './static-table.ts';

/** Required insert count 0, base 0. */
const PREFIX = Buffer.of(0, 0);

const INDEXED = 0xc0;
const NAME_INDEXED = 0x50;
const LITERAL = 0x20;

/** Values that no hop may put into a table, where they could be guessed by their size; section 7.1.3. */
const secret = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);

/** Names are lower case already, and every character is one byte. */
export function encodeFields(fields: readonly Field[]): Buffer {
  const bytes = Buffer.allocUnsafe(sizeMax(fields));
  let at = PREFIX.copy(bytes);
  for (const [name, value] of fields) at = writeField(bytes, at, name, value);
  return bytes.subarray(0, at);
}

function writeField(bytes: Buffer, at: number, name: string, value: string): number {
  const whole = fieldIndex(name, value);
  if (whole !== undefined) return writeInteger(bytes, at, INDEXED, 6, whole);
  const index = nameIndex(name);
  const never = secret.has(name);
  const next =
    index === undefined
      ? writeString(bytes, at, LITERAL | (never ? 0x10 : 0), 3, name)
      : writeInteger(bytes, at, NAME_INDEXED | (never ? 0x20 : 0), 4, index);
  return writeString(bytes, next, 0, 7, value);
}

/** Huffman code is used only where it is shorter. */
function sizeMax(fields: readonly Field[]): number {
  let size = PREFIX.length;
  for (const [name, value] of fields)
    size += name.length + value.length + 2 * PREFIXED_INTEGER_MAX_BYTES;
  return size;
}
