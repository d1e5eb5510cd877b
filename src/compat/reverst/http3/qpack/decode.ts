/**
 * Bytes as a field section; RFC 9204, section 4.5. This end has told its peer that it has no dynamic
 * table, so every reference to one is an error of the peer.
 */
import { HTTP_FIELDS_MAX } from '../../../../limits.ts';
import { excessive, type MessageKind } from '../fault.ts';
import { FIELD_OVERHEAD_BYTES, type Field } from '../field.ts';
import { PrefixedReader } from './prefixed.ts';
import { staticTable } from './static-table.ts';

/** Pseudo-header fields come on top of what a message may have. */
const FIELDS_MAX = HTTP_FIELDS_MAX + 8;

/**
 * Throws a connection fault (QPACK_DECOMPRESSION_FAILED), or a stream fault (H3_EXCESSIVE_LOAD) when
 * the section counts more than `sizeMax` bytes or has more fields than a head may have.
 */
export function decodeFields(bytes: Buffer, kind: MessageKind, sizeMax: number): Field[] {
  const reader = new PrefixedReader(bytes, 'QPACK_DECOMPRESSION_FAILED');
  readPrefix(reader);
  const fields: Field[] = [];
  let size = 0;
  while (!reader.done) {
    const field = readField(reader);
    size += field[0].length + field[1].length + FIELD_OVERHEAD_BYTES;
    if (size > sizeMax || fields.length === FIELDS_MAX)
      throw excessive(kind, `its fields are more than ${FIELDS_MAX} or ${sizeMax} bytes`);
    fields.push(field);
  }
  return fields;
}

/** Section 4.5.1. Without a table only the sign can be wrong: the base would be below zero. */
function readPrefix(reader: PrefixedReader): void {
  if (reader.integer(8) !== 0) reader.fail('a field section needs the dynamic table');
  const negative = !reader.done && (reader.next & 0x80) !== 0;
  reader.integer(7);
  if (negative) reader.fail('the base of a field section is negative');
}

function readField(reader: PrefixedReader): Field {
  const first = reader.next;
  if (first & 0x80) {
    if (!(first & 0x40)) reader.fail('a field refers to the dynamic table');
    return entry(reader, 6);
  }
  if (first & 0x40) {
    if (!(first & 0x10)) reader.fail('a field name refers to the dynamic table');
    const [name] = entry(reader, 4);
    return [name, reader.string(7)];
  }
  if (first & 0x20) {
    const name = reader.string(3);
    return [name, reader.string(7)];
  }
  return reader.fail('a field refers to the dynamic table');
}

function entry(reader: PrefixedReader, prefix: number): Field {
  return staticTable[reader.integer(prefix)] ?? reader.fail('an index is beyond the static table');
}
