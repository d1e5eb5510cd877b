/** From flags, variables and a file to the options of a command. */
import path from 'node:path';
import type { z } from 'zod';
import { CONFIG_FILE_MAX_BYTES } from '../limits.ts';
import { combine, type NamedFile } from './combine.ts';
import { explainIssues } from './explain.ts';
import { fieldsOf } from './fields.ts';
import { readBounded } from './files.ts';
import { ConfigError, type Problem } from './problem.ts';
import { schemas, type CommandName, type OptionsOf } from './schema.ts';
import {
  ambientSource,
  fileSource,
  flagSource,
  misspeltVariables,
  variableSource,
  type Source,
  type Values,
} from './sources.ts';

export interface Given {
  /** Values of flags by key, as text or lists of texts. */
  readonly flags: Values;
  readonly env: NodeJS.ProcessEnv;
  /** Relative paths in flags and variables start here. */
  readonly directory: string;
}

export interface Loaded<Options> {
  readonly options: Options;
  /** What works but should not stay so. */
  readonly warnings: readonly string[];
  /** The file with the options, and those that options name. */
  readonly files: readonly NamedFile[];
}

/**
 * The options of a command: a flag wins over a variable, that over the file, that over the default.
 * Throws USAGE or CONFIG_INVALID with everything that is wrong, each with its place.
 */
export async function loadOptions<Name extends CommandName>(
  name: Name,
  { flags, env, directory }: Given,
): Promise<Loaded<OptionsOf<Name>>> {
  const schema = schemas[name];
  const fields = fieldsOf(schema);
  const problems = misspeltVariables(variableNames(), env);
  const warnings: string[] = [];
  const sources = [flagSource(flags, directory), variableSource(fields, env, directory)];
  const naming = sources.find(({ values }) => values['config'] !== undefined);
  if (naming !== undefined) {
    const file = String(naming.values['config']);
    const read = await readConfig(file, directory);
    if ('wrong' in read)
      throw new ConfigError([...problems, naming.problem(['config'], `${file}: ${read.wrong}`)]);
    problems.push(...read.problems);
    if (!read.sound) throw new ConfigError(problems);
    warnings.push(...read.warnings);
    sources.push(read.source);
  }
  sources.push(ambientSource(fields, env, directory));
  const checked = validate(schema, sources);
  problems.push(...checked.problems);
  if (problems.length > 0) {
    throw new ConfigError(
      problems,
      checked.files.map(({ file }) => file),
    );
  }
  return {
    options: camelCase(checked.output) as OptionsOf<Name>,
    warnings: [...warnings, ...checked.warnings],
    files: checked.files,
  };
}

export interface ReadConfig {
  readonly source: Source;
  readonly problems: Problem[];
  readonly warnings: string[];
  /** False when the values are too broken to look for more problems in them. */
  readonly sound: boolean;
}

/** Reads a file, or says what keeps it from being read. */
export async function readConfig(
  file: string,
  directory: string,
): Promise<ReadConfig | { wrong: string }> {
  const absolute = path.resolve(directory, file);
  const read = readBounded(absolute, CONFIG_FILE_MAX_BYTES);
  if ('wrong' in read) return read;
  // Nobody means that: it is what a full disk leaves.
  if (read.text === '') return { wrong: 'the file is empty; write options into it' };
  const { parseConfig } = await import('./document.ts');
  const { document, problems, sound } = parseConfig(file, read.text);
  const warnings = read.othersWrite
    ? [`${file}: every user of this machine can change it; chmod o-w it`]
    : [];
  return { source: fileSource(document, path.dirname(absolute)), problems, warnings, sound };
}

/** Checks what the sources hold together against a schema. The output counts only without problems. */
export function validate(schema: z.ZodType, sources: readonly Source[]) {
  const fields = fieldsOf(schema);
  const { values, origin, problems, warnings, files } = combine(fields, sources);
  const result = schema.safeParse(values);
  // A value that was already complained of may be missing by now: once is enough.
  const known = new Set(problems.map(({ place }) => place));
  const found = result.success
    ? []
    : explainIssues(result.error.issues, {
        fields,
        values,
        origin,
        file: sources.find(({ isFile }) => isFile),
      });
  return {
    output: result.data,
    problems: [...problems, ...found.filter(({ place }) => !known.has(place))],
    warnings,
    files,
  };
}

/** The variables of all commands: one may be set for any of them. */
function variableNames(): Set<string> {
  const fields = Object.values(schemas).flatMap((schema) => fieldsOf(schema));
  return new Set(fields.map(({ variable }) => variable).filter((name) => name !== null));
}

/** Keys as files write them to keys as the program reads them. */
function camelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [camelKey(key), camelCase(inner)]),
  );
}

/** `tcp_ports` to `tcpPorts`. */
export function camelKey(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
