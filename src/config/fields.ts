/** The schema seen as a list of options: what each is called in every source, and what it takes. */
import { z } from 'zod';
import { optionFacts, type OptionFacts } from './values.ts';

export interface Field {
  readonly key: string;
  /** `--like-this`; null for what only a file can hold. */
  readonly flag: string | null;
  /** `SALLYPORT_LIKE_THIS`; null for what makes no sense as a variable. */
  readonly variable: string | null;
  readonly facts: OptionFacts;
  readonly shape: 'switch' | 'value' | 'list' | 'entries' | 'keys';
  /** As it would be written; undefined when there is none. */
  readonly initial: string | undefined;
  readonly required: boolean;
  /** The options of one entry, where the shape is `entries`; those inside, where it is `keys`. */
  readonly entry: readonly Field[];
}

/** The options of a command, or of one entry of a list, in the order of the schema. */
export function fieldsOf(schema: z.ZodType): Field[] {
  const { schema: object } = unwrap(schema);
  if (!(object instanceof z.ZodObject)) return [];
  return Object.entries(object.shape as Record<string, z.ZodType>).map(([key, value]) =>
    fieldOf(key, value),
  );
}

function fieldOf(key: string, declared: z.ZodType): Field {
  const { schema, facts, initial, optional } = unwrap(declared);
  if (facts === undefined) throw new Error(`option ${key}: it is not described`);
  const item = schema instanceof z.ZodArray ? (schema.element as z.ZodType) : null;
  const entry = fieldsOf(item ?? schema);
  const shape =
    entry.length > 0
      ? item === null
        ? 'keys'
        : 'entries'
      : item !== null
        ? 'list'
        : facts.value === undefined
          ? 'switch'
          : 'value';
  const stem = key.replaceAll('_', '-');
  const fileOnly = entry.length > 0;
  return {
    key,
    flag: fileOnly ? null : `--${stem}`,
    variable: fileOnly || facts.env === false ? null : variableOf(key),
    facts,
    shape,
    initial: typeof initial === 'string' ? initial : undefined,
    required: !optional && initial === undefined,
    entry,
  };
}

export function variableOf(key: string): string {
  return `SALLYPORT_${key.toUpperCase()}`;
}

/** The schema inside its wrappers, and what these say of it. */
function unwrap(declared: z.ZodType) {
  let schema = declared;
  let facts = optionFacts.get(schema);
  let initial: unknown;
  let optional = false;
  for (;;) {
    if (schema instanceof z.ZodOptional) {
      optional = true;
      schema = schema.unwrap() as z.ZodType;
    } else if (schema instanceof z.ZodPrefault) {
      initial = schema.def.defaultValue;
      schema = schema.unwrap() as z.ZodType;
    } else if (schema instanceof z.ZodPipe) {
      schema = schema.in as z.ZodType;
    } else {
      return { schema, facts, initial, optional };
    }
    facts ??= optionFacts.get(schema);
  }
}
