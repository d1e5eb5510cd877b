/** What is different about the options of a command since they were loaded. */
import { isDeepStrictEqual } from 'node:util';
import { fieldsOf, type Field } from './fields.ts';
import { camelKey, type Loaded } from './load.ts';
import { schemas, type CommandName, type OptionsOf } from './schema.ts';

export interface Comparison<Options> {
  /** Keys of the options that are taken over, as files write them. */
  readonly changed: readonly string[];
  /** Keys of those that are not: they need a restart. */
  readonly restart: readonly string[];
  /** What runs once the changed ones are taken over. */
  readonly running: Loaded<Options>;
}

/**
 * Compares what runs with what was loaded anew. An option counts as changed when its value did, or
 * a file that it names.
 */
export function compareLoaded<Name extends CommandName>(
  name: Name,
  running: Loaded<OptionsOf<Name>>,
  next: Loaded<OptionsOf<Name>>,
): Comparison<OptionsOf<Name>> {
  // Flags and variables cannot change, and neither can what they alone may give.
  const fields = fieldsOf(schemas[name]).filter(({ facts }) => facts.file !== false);
  const different = fields.filter(
    (field) => !isDeepStrictEqual(state(running, field), state(next, field)),
  );
  const changed = different.filter((field) => isLive(field, running, next));
  const restart = different.filter((field) => !changed.includes(field));
  const restarted = restart.map(({ key }) => [camelKey(key), valueOf(running.options, key)]);
  const options = Object.assign({}, next.options, Object.fromEntries(restarted));
  const kept = new Set(restart.map(({ key }) => key));
  const files = [
    ...next.files.filter(({ key }) => !kept.has(key)),
    ...running.files.filter(({ key }) => kept.has(key)),
  ];
  return {
    changed: changed.map(({ key }) => key),
    restart: restart.map(({ key }) => key),
    running: { ...next, options, files },
  };
}

/** The value of an option, with the contents of the files that it names. */
function state({ options, files }: Loaded<object>, { key }: Field): unknown {
  const named = files.filter((file) => file.key === key);
  return [valueOf(options, key), named.map(({ file, digest }) => digest && [file, digest])];
}

function isLive({ key, facts }: Field, running: Loaded<object>, next: Loaded<object>): boolean {
  if (facts.live !== 'while set') return facts.live === true;
  return [running, next].every(({ options }) => valueOf(options, key) !== undefined);
}

function valueOf(options: object, key: string): unknown {
  return (options as Record<string, unknown>)[camelKey(key)];
}
