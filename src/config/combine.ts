/** One set of values out of several sources, ready for the schema. */
import path from 'node:path';
import { SECRET_FILE_MAX_BYTES } from '../limits.ts';
import type { Path } from './document.ts';
import type { Field } from './fields.ts';
import type { Problem } from './problem.ts';
import { checkReadable, digestOf, readBounded } from './files.ts';
import { isMapping, type Source, type Values } from './sources.ts';

const FILE_PREFIX = 'file:';

export interface Combined {
  readonly values: Record<string, unknown>;
  /** Where the value of a key came from. */
  readonly origin: ReadonlyMap<string, Source>;
  readonly problems: Problem[];
  readonly warnings: string[];
  readonly files: readonly NamedFile[];
}

/** A file that an option names: changed, it is another value of the option. */
export interface NamedFile {
  /** The option, or the one whose entry names the file. */
  readonly key: string;
  readonly file: string;
  /** Tells one content from another; empty where the value of the option does. */
  readonly digest: string;
}

/** The first source that has a key wins it. Lists are not joined. */
export function combine(fields: readonly Field[], sources: readonly Source[]): Combined {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const files: NamedFile[] = [];
  const written: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const origin = new Map<string, Source>();
  for (const source of sources.map((each) => accepted(fields, each, problems))) {
    for (const [key, value] of Object.entries(source.values)) {
      if (origin.has(key)) continue;
      origin.set(key, source);
      written[key] = value;
    }
  }
  const values = prepare(fields, written, [], {
    base: (at) => origin.get(String(at[0]))!.base,
    problem: (at, message) => problems.push(origin.get(String(at[0]))!.problem(at, message)),
    warn: (message) => warnings.push(message),
    named: (at, file, digest) => files.push({ key: String(at[0]), file, digest }),
  });
  return { values, origin, problems, warnings, files };
}

/**
 * One source without what it may not hold, and with `token_file: F` as `token: file:F`: another way
 * to write it, and as strong as that.
 */
function accepted(fields: readonly Field[], source: Source, problems: Problem[]): Source {
  const values: Record<string, unknown> = Object.assign(Object.create(null), source.values);
  const spelling = new Map<unknown, string>();
  const drop = (key: string, message: string): void => {
    problems.push(source.problem([key], message, 'key'));
    delete values[key];
  };
  for (const { key, facts } of fields) {
    const { fileOf } = facts;
    const value = values[key];
    if (value === undefined) continue;
    if (source.isFile && facts.file === false) drop(key, 'is for the command line only; remove it');
    if (fileOf === undefined) continue;
    if (values[fileOf] !== undefined) {
      drop(key, `stands beside ${fileOf}; give one of them`);
    } else if (typeof value !== 'string' || value === '') {
      drop(key, 'names no file; give the path of one, or remove it');
    } else {
      delete values[key];
      values[fileOf] = `${FILE_PREFIX}${value}`;
      spelling.set(fileOf, key);
    }
  }
  const problem: Source['problem'] = ([first, ...rest], message, part) =>
    source.problem([spelling.get(first) ?? first, ...rest], message, part);
  return { ...source, values, problem };
}

interface Surroundings {
  base(at: Path): string;
  problem(at: Path, message: string): void;
  warn(message: string): void;
  named(at: Path, file: string, digest: string): void;
}

/** Puts single values into the lists they belong to, makes paths absolute and reads secrets from files. */
function prepare(
  fields: readonly Field[],
  values: Values,
  at: Path,
  around: Surroundings,
): Record<string, unknown> {
  const prepared: Record<string, unknown> = Object.assign(Object.create(null), values);
  for (const { key, shape, facts, entry } of fields) {
    const value = prepared[key];
    const here = [...at, key];
    if (shape === 'list' && typeof value === 'string') prepared[key] = [value];
    if (shape === 'list' && facts.secret === true && Array.isArray(prepared[key]))
      prepared[key] = readSecrets(prepared[key], here, around);
    if (facts.fileOf !== undefined && at.length > 0 && value !== undefined) {
      readBeside(key, facts.fileOf, prepared, here, around);
      continue;
    }
    if (shape === 'entries' && Array.isArray(value)) {
      prepared[key] = value.map((item, index) =>
        isMapping(item) ? prepare(entry, item, [...here, index], around) : item,
      );
    }
    if (shape === 'keys' && isMapping(value)) prepared[key] = prepare(entry, value, here, around);
    if (typeof value !== 'string' || shape === 'list') continue;
    if (facts.path === 'written') {
      prepared[key] = value === '' ? value : path.resolve(around.base(here), value);
    } else if (facts.path === 'place') {
      prepared[key] = place(value, here, around);
    } else if (facts.path !== undefined) {
      prepared[key] = readablePath(value, here, facts.path === 'followed', around);
    }
    if (facts.secret === true && value.startsWith(FILE_PREFIX))
      prepared[key] = readSecret(value, here, around);
  }
  return prepared;
}

/** In an entry of a list: `token_file: F` is another way to write `token: file:F`. */
function readBeside(
  key: string,
  meant: string,
  prepared: Record<string, unknown>,
  at: Path,
  around: Surroundings,
): void {
  const file = prepared[key];
  delete prepared[key];
  if (prepared[meant] !== undefined) around.problem(at, `stands beside ${meant}; give one of them`);
  else if (typeof file !== 'string' || file === '')
    around.problem(at, 'names no file; give the path of one, or remove it');
  else prepared[meant] = readSecret(`${FILE_PREFIX}${file}`, at, around);
}

/** A list of secrets, in which `file:PATH` stands for the lines of a file without empty ones and remarks. */
function readSecrets(values: unknown[], at: Path, around: Surroundings): unknown[] {
  return values.flatMap((value, index) => {
    if (typeof value !== 'string' || !value.startsWith(FILE_PREFIX)) return [value];
    const lines = readSecret(value, [...at, index], around).split(/\r?\n/);
    return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  });
}

function readablePath(file: string, at: Path, followed: boolean, around: Surroundings): string {
  if (file === '') return file;
  const absolute = path.resolve(around.base(at), file);
  const wrong = checkReadable(absolute);
  if (wrong !== null) around.problem(at, `${absolute}: ${wrong}`);
  else if (!followed) around.named(at, absolute, digestOf(absolute));
  return absolute;
}

function place(written: string, at: Path, around: Surroundings): string {
  const file = written.replace(/^file:\/\//, '');
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(file) ? file : readablePath(file, at, true, around);
}

/** The content of the file without the line end that editors add; after a problem, the reference. */
function readSecret(reference: string, at: Path, around: Surroundings): string {
  const file = path.resolve(around.base(at), reference.slice(FILE_PREFIX.length));
  around.named(at, file, '');
  const read = readBounded(file, SECRET_FILE_MAX_BYTES);
  if ('wrong' in read) {
    around.problem(at, `${file}: ${read.wrong}`);
    return reference;
  }
  if (read.othersRead)
    around.warn(`${file}: every user of this machine can read this secret; chmod o-r it`);
  const secret = read.text.replace(/\r?\n$/, '');
  if (secret === '') around.problem(at, `${file}: the file is empty; write the secret into it`);
  return secret === '' ? reference : secret;
}
