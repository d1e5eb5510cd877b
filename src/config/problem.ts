/** What is wrong with a configuration, and where. */
import { SallyportError } from '../errors.ts';

export interface Problem {
  /** The flag, the variable, or `file:line:column` and the key. */
  readonly place: string;
  /** What is wrong, and how to mend it. */
  readonly message: string;
  /** Where it stands, when it stands in a file. Line and column count from 1. */
  readonly position?: {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly path: string;
  };
}

export function formatProblem({ place, message }: Problem): string {
  return `${place}: ${message}`;
}

/** A problem in a file. Without a position, with the file as a whole; `path` names the key, if any. */
export function fileProblem(
  file: string,
  at: { line: number; column: number } | null,
  path: string,
  message: string,
): Problem {
  const { line, column } = at ?? { line: 1, column: 1 };
  const place = [file, ...(at === null ? [] : [line, column])].join(':');
  return {
    place: path === '' ? place : `${place}: ${path}`,
    message,
    position: { file, line, column, path },
  };
}

/** All problems as one error: CONFIG_INVALID when a file holds one of them, otherwise USAGE. */
export function problemsError(problems: readonly Problem[]): SallyportError {
  const code = problems.some(({ position }) => position !== undefined) ? 'CONFIG_INVALID' : 'USAGE';
  const [first] = problems;
  if (problems.length === 1) return new SallyportError(code, formatProblem(first));
  const lines = sortProblems(problems).map((problem) => `\n  ${formatProblem(problem)}`);
  return new SallyportError(code, `${problems.length} problems${lines.join('')}`);
}

/** Files last and from top to bottom: what is mended first stands first. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const rank = ({ position }: Problem) =>
    position === undefined ? 0 : position.line * 1_000_000 + position.column;
  return problems.toSorted((a, b) => rank(a) - rank(b));
}

/** `services[0].name` */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}
