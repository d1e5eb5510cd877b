/** A field of a message, or a pseudo-header field. Names and values are bytes, one character each (Latin-1). */
export type Field = readonly [name: string, value: string];

/** What each field counts beyond its name and value; RFC 9114, section 4.2.2. */
export const FIELD_OVERHEAD_BYTES = 32;

/** The size of a field section as limits count it. */
export function sectionSize(fields: readonly Field[]): number {
  return fields.reduce(
    (size, [name, value]) => size + name.length + value.length + FIELD_OVERHEAD_BYTES,
    0,
  );
}
