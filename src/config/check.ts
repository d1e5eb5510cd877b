/** `config check`: is this file fit for a server, or for an agent? */
import { suggestion } from './nearest.ts';
import { fieldsOf } from './fields.ts';
import { readConfig, validate } from './load.ts';
import { fileProblem, sortProblems, type Problem } from './problem.ts';
import { fileKinds, schemas, type FileKind } from './schema.ts';
import type { Values } from './sources.ts';

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

/** The kind that knows more of the keys; of misspelt ones too. */
function kindOf(values: Values): FileKind | null {
  const scores = fileKinds.map((kind) => {
    const known = fieldsOf(schemas[kind])
      .filter(({ facts }) => facts.file !== false)
      .map(({ key }) => key);
    return {
      kind,
      score: Object.keys(values).filter(
        (key) => known.includes(key) || suggestion(key, known) !== '',
      ).length,
    };
  });
  scores.sort((a, b) => b.score - a.score);
  return scores[0].score === scores[1].score ? null : scores[0].kind;
}
