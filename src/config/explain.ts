/** What the schema finds wrong, in words that say where it stands and how to mend it. */
import type { z } from 'zod';
import { quoted } from '../net/printable.ts';
import type { Path } from './document.ts';
import type { Field } from './fields.ts';
import { nearest, suggestion } from './nearest.ts';
import type { Problem } from './problem.ts';
import type { Source, Values } from './sources.ts';

interface Findings {
  readonly fields: readonly Field[];
  readonly values: Values;
  readonly origin: ReadonlyMap<string, Source>;
  /** Where a key is missing that only a file can have. */
  readonly file: Source | undefined;
}

export function explainIssues(issues: readonly z.core.$ZodIssue[], findings: Findings): Problem[] {
  return issues.flatMap((issue) => explainIssue(issue, findings));
}

function explainIssue(
  issue: z.core.$ZodIssue,
  { fields, values, origin, file }: Findings,
): Problem[] {
  const path = issue.path as Path;
  const place = (at: Path, message: string, part?: 'key' | 'value'): Problem => {
    const field = fields.find(({ key }) => key === at[0]);
    const source = origin.get(String(at[0])) ?? (field?.flag === null ? file : undefined);
    return source?.problem(at, message, part) ?? { place: field?.flag ?? String(at[0]), message };
  };
  if (issue.code === 'unrecognized_keys') {
    const known = fieldsAt(fields, path).map(({ key }) => key);
    return issue.keys.map((key) =>
      place([...path, key], `is no option here${suggestion(key, known) || '; remove it'}`, 'key'),
    );
  }
  const value = path.reduce<unknown>(
    (inside, step) => (inside as Values | undefined)?.[step],
    values,
  );
  if ((issue.code === 'invalid_type' || issue.code === 'invalid_value') && value === undefined)
    return [place(path, missing(fields, path, file))];
  return [place(path, words(issue, value))];
}

function words(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_value') {
    const choices = issue.values.map(String);
    if (typeof value === 'string') {
      const meant = nearest(value, choices);
      return `must be one of ${choices.join(', ')}, not ${quoted(value)}${meant === null ? '' : `; did you mean ${meant}?`}`;
    }
  }
  if (issue.code !== 'invalid_type' && issue.code !== 'invalid_value') return issue.message;
  if (value === null) return 'has no value; write one, or remove the key';
  if (issue.code === 'invalid_type' && issue.expected === 'array')
    return 'must be a list; begin each entry with a hyphen';
  if (issue.code === 'invalid_type' && issue.expected === 'object')
    return 'must be keys and values';
  return `must be one value, not ${Array.isArray(value) ? 'a list' : 'keys and values'}`;
}

function missing(fields: readonly Field[], path: Path, file: Source | undefined): string {
  const field = fieldsAt(fields, path.slice(0, -1)).find(({ key }) => key === path.at(-1));
  if (path.length > 1 || field === undefined) return 'is missing; add the key';
  const { flag, variable, key, facts } = field;
  if (flag === null && file !== undefined) return 'is missing; add the key';
  const ways = [
    flag === null ? null : `${flag} ${facts.value}`,
    variable,
    facts.file === false ? null : `\`${key}:\` in the file named by --config`,
  ].filter((way) => way !== null);
  return `is missing; give ${ways.join(' or ')}`;
}

/** The options that belong at the path. */
function fieldsAt(fields: readonly Field[], path: Path): readonly Field[] {
  return path
    .filter((step) => typeof step === 'string')
    .reduce<readonly Field[]>(
      (inside, step) => inside.find(({ key }) => key === step)?.entry ?? [],
      fields,
    );
}
