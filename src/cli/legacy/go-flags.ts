/**
 * Command lines as Go's `flag` package reads them: `-name value`, `-name=value`, with one hyphen or
 * two; switches take their value with `=` only; the first word that is no flag ends the flags, and so
 * does `--`.
 */
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';

export interface GoFlag {
  /** What stands for the value in the help; absent: a switch. */
  readonly value?: string;
  readonly help: string;
  readonly initial?: string;
}

export interface GoArguments<Name extends string> {
  /** The last value given, or the initial one; undefined when there is none. */
  text(name: Name): string | undefined;
  list(name: Name): readonly string[];
  on(name: Name): boolean;
  /** What follows the flags. */
  readonly rest: readonly string[];
}

type GoFlags<Name extends string> = Readonly<Record<Name, GoFlag>>;

/** Throws USAGE. Messages hold no value: it may be a secret in the wrong place. */
export function parseGoFlags<Name extends string>(
  args: readonly string[],
  flags: GoFlags<Name>,
): GoArguments<Name> {
  const given = new Map<string, string[]>();
  const queue = [...args];
  while (queue.length > 0 && /^-./.test(queue[0])) {
    const word = queue.shift()!;
    if (word === '--') break;
    const [, name, value] = /^--?([^=]*)(?:=(.*))?$/s.exec(word)!;
    if (!Object.hasOwn(flags, name))
      throw usage(`flag provided but not defined: -${quoted(name).slice(1, -1)}`);
    const { value: shown } = flags[name as Name];
    given.set(name, [...(given.get(name) ?? []), valueOf(name, shown, value, queue)]);
  }
  const list = (name: Name): readonly string[] => given.get(name) ?? initialOf(flags[name]);
  return {
    list,
    text: (name) => list(name).at(-1),
    on: (name) => list(name).at(-1) === 'true',
    rest: queue,
  };
}

function initialOf({ initial }: GoFlag): string[] {
  return initial === undefined ? [] : [initial];
}

function valueOf(
  name: string,
  shown: string | undefined,
  inline: string | undefined,
  queue: string[],
): string {
  if (shown !== undefined) {
    const value = inline ?? queue.shift();
    if (value === undefined) throw usage(`flag needs an argument: -${name}`);
    return value;
  }
  if (inline === undefined || /^(?:1|t|T|true|TRUE|True)$/.test(inline)) return 'true';
  if (/^(?:0|f|F|false|FALSE|False)$/.test(inline)) return 'false';
  throw usage(
    `invalid boolean value for -${name}; write -${name}, -${name}=true or -${name}=false`,
  );
}

/** The flags, as the help of such programs lists them. */
export function describeGoFlags(flags: GoFlags<string>): string {
  return Object.entries(flags)
    .map(([name, { value, help, initial }]) => {
      const head = value === undefined ? `  -${name}` : `  -${name} ${value}`;
      return `${head}\n    \t${help}${initial === undefined ? '' : ` (default "${initial}")`}\n`;
    })
    .join('');
}

function usage(message: string): SallyportError {
  return new SallyportError('USAGE', message);
}
