/** The sources of options: flags, environment variables, a file, and what stands in for defaults. */
import type { ConfigDocument, Path } from './document.ts';
import { variableOf, type Field } from './fields.ts';
import { suggestion } from './nearest.ts';
import { fileProblem, formatPath, type Problem } from './problem.ts';

/** Values by key: text, a list of texts, or what a file holds. */
export type Values = Readonly<Record<string, unknown>>;

export function isMapping(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Values from one place, and how to speak of that place. */
export interface Source {
  /** Files do not take every option: see `OptionFacts.file`. */
  readonly isFile: boolean;
  readonly values: Values;
  /** Relative paths in the values start here. */
  readonly base: string;
  /** A problem with the value at the path. With `part` `key`, with the key itself. */
  problem(at: Path, message: string, part?: 'key' | 'value'): Problem;
}

export function flagSource(values: Values, base: string): Source {
  return {
    isFile: false,
    values,
    base,
    problem: (at, message) => ({ place: `--${String(at[0]).replaceAll('_', '-')}`, message }),
  };
}

/** Lists are written with spaces in variables: no value of a list holds one. */
export function variableSource(
  fields: readonly Field[],
  env: NodeJS.ProcessEnv,
  base: string,
): Source {
  const values: Record<string, unknown> = {};
  for (const { key, variable, shape } of fields) {
    const text = variable === null ? undefined : env[variable];
    if (text === undefined) continue;
    values[key] = shape === 'list' ? text.split(/\s+/).filter((item) => item !== '') : text;
  }
  return {
    isFile: false,
    values,
    base,
    problem: (at, message) => ({ place: variableOf(String(at[0])), message }),
  };
}

/** Variables of hosting platforms, below everything that is written for Sallyport. */
export function ambientSource(
  fields: readonly Field[],
  env: NodeJS.ProcessEnv,
  base: string,
): Source {
  const values: Record<string, unknown> = {};
  const names = new Map<string, string>();
  for (const { key, facts } of fields) {
    const text = facts.ambient?.read(env);
    if (text === undefined) continue;
    values[key] = text;
    names.set(key, facts.ambient!.names);
  }
  return {
    isFile: false,
    values,
    base,
    problem: (at, message) => ({ place: names.get(String(at[0]))!, message }),
  };
}

export function fileSource(document: ConfigDocument, base: string): Source {
  return {
    isFile: true,
    values: document.values,
    base,
    problem: (at, message, part) =>
      fileProblem(document.file, document.position(at, part), formatPath(at), message),
  };
}

/**
 * A variable that nearly has the name of an option would be passed over in silence, and a server
 * stand open for it. Others are none of our business: hosting platforms set variables of their own.
 */
export function misspeltVariables(known: ReadonlySet<string>, env: NodeJS.ProcessEnv): Problem[] {
  const prefix = variableOf('');
  const stems = [...known].map((name) => name.slice(prefix.length));
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.has(name))
    .map((name) => ({ name, meant: suggestion(name.slice(prefix.length), stems) }))
    .filter(({ meant }) => meant !== '')
    .map(({ name, meant }) => ({
      place: name,
      message: `is no option${meant.replace('mean ', `mean ${prefix}`)} Rename or unset it`,
    }));
}
