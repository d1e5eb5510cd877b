/** `config check`: is this file fit for a server, or for an agent? */
import { suggestion } from './nearest.ts';
import { fieldsOf, type Field } from './fields.ts';
import { readConfig, validate } from './load.ts';
import { fileProblem, sortProblems, type Problem } from './problem.ts';
import { fileKinds, schemas, type FileKind } from './schema.ts';
import { isMapping, type Values } from './sources.ts';

export interface Verdict {
  /** Null when the keys do not tell. */
  readonly kind: FileKind | null;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** Checks a file as the command would that reads it, with nothing but the file. */
export async function checkConfig(
  file: string,
  wanted: FileKind | undefined,
  directory: string,
): Promise<Verdict> {
  const read = await readConfig(file, directory);
  if ('wrong' in read)
    return {
      kind: wanted ?? null,
      problems: [fileProblem(file, null, '', read.wrong)],
      warnings: [],
    };
  const kind = wanted ?? kindOf(read.source.values);
  const { problems, warnings } = read;
  if (!read.sound) return { kind, problems, warnings };
  if (kind === null) {
    const message =
      'could be for a server or for an agent; say which with --for server or --for agent';
    return { kind, problems: [...problems, fileProblem(file, null, '', message)], warnings };
  }
  const checked = validate(schemas[kind], [read.source]);
  return {
    kind,
    problems: sortProblems([...problems, ...checked.problems]),
    warnings: [...warnings, ...checked.warnings],
  };
}

/** The kind that knows more of the keys; of misspelt ones too. A key that one of them needs decides between equals. */
function kindOf(values: Values): FileKind | null {
  const ranked = fileKinds
    .map((kind) => {
      const fields = fieldsOf(schemas[kind]).filter(({ facts }) => facts.file !== false);
      const needed = fields.filter(({ required }) => required);
      return { kind, score: score(values, fields), needs: count(values, needed) };
    })
    .toSorted((a, b) => b.score - a.score || b.needs - a.needs);
  const [first, second] = ranked;
  return first.score === second.score && first.needs === second.needs ? null : first.kind;
}

/** How many keys are known, those in the entries of lists among them. */
function score(values: Values, fields: readonly Field[]): number {
  const inside = fields.flatMap(({ key, entry }) => {
    const listed = values[key];
    return Array.isArray(listed) ? listed.filter(isMapping).map((item) => score(item, entry)) : [];
  });
  return inside.reduce((sum, each) => sum + each, count(values, fields));
}

function count(values: Values, fields: readonly Field[]): number {
  const known = fields.map(({ key }) => key);
  return Object.keys(values).filter((key) => known.includes(key) || suggestion(key, known) !== '')
    .length;
}
