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
export class ConfigError extends SallyportError {
  /** One line each. */
  readonly problems: readonly string[];
  /** Files that the options name, as far as they could be read. */
  readonly files: readonly string[];

  constructor(problems: readonly Problem[], files: readonly string[] = []) {
    const inFile = problems.some(({ position }) => position !== undefined);
    const lines = sortProblems(problems).map(formatProblem);
    const [first, ...others] = lines;
    const text = `${lines.length} problems${lines.map((line) => `\n  ${line}`).join('')}`;
    super(inFile ? 'CONFIG_INVALID' : 'USAGE', others.length === 0 ? first : text);
    this.problems = lines;
    this.files = files;
  }
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
