/** Copies the fields that stay, in runs: most heads are one or two runs. */
import type { ConnectionOptions } from './connection-options.ts';
import { bit } from './field-kinds.ts';
import type { FieldSection } from './field-section.ts';

/**
 * Copies everything from `from` (an offset from the head's first byte, at or before the first field)
 * to the end of the fields, but for the fields whose kind is in `drop` and those that Connection
 * names. Answers the offset behind the copy in `out`; the closing empty line is the caller's.
 */
export function copyFields(
  fields: FieldSection,
  connection: ConnectionOptions,
  bytes: Buffer,
  base: number,
  from: number,
  drop: number,
  out: Buffer,
  at: number,
): number {
  let run = base + from;
  if ((fields.seen & drop) !== 0 || connection.nominations > 0) {
    const { kinds, count } = fields;
    for (let index = 0; index < count; index++) {
      if (!(bit(kinds[index]) & drop) && !connection.names(fields, bytes, base, index)) continue;
      const line = base + fields.nameStart(index);
      if (line > run) at += bytes.copy(out, at, run, line);
      run = base + fields.lineEnd(index);
    }
  }
  const end = base + fields.end;
  return end > run ? at + bytes.copy(out, at, run, end) : at;
}
