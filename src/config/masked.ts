/** Options as they may be shown: by the keys that files use, without what is secret. */
import { withoutSecrets } from '../observe/secrets.ts';
import { fieldsOf, type Field } from './fields.ts';
import { camelKey } from './load.ts';
import { schemas, type CommandName, type OptionsOf } from './schema.ts';

/** Stands for a value that is not shown. */
const MASK = '***';

export function maskedOptions<Name extends CommandName>(
  name: Name,
  options: OptionsOf<Name>,
): Record<string, unknown> {
  return masked(fieldsOf(schemas[name]), options);
}

function masked(fields: readonly Field[], values: object): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const field of fields) {
    const value = (values as Record<string, unknown>)[camelKey(field.key)];
    if (value !== undefined) shown[field.key] = shownValue(field, value);
  }
  return shown;
}

function shownValue(field: Field, value: unknown): unknown {
  if (field.facts.secret === true) return Array.isArray(value) && value.length === 0 ? value : MASK;
  if (typeof value === 'string') return withoutSecrets(value);
  if (Array.isArray(value)) return value.map((item) => shownValue(field, item));
  if (typeof value !== 'object' || value === null) return value;
  // What has no fields of its own is of a kind that this does not know: nothing of it is shown.
  return field.entry.length > 0 ? masked(field.entry, value) : MASK;
}
