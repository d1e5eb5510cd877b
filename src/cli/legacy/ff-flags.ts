/**
 * Command lines as ff reads them (github.com/peterbourgon/ff, version 4): `-n VALUE`, `-nVALUE`,
 * `--name VALUE`, `--name=VALUE`; switches alone, several in one word, or with `=`. The first word
 * that is no flag ends the flags, and so does `--`.
 */
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';

export interface FfFlag {
  /** One letter. */
  readonly short?: string;
  /** What stands for the value in the help; absent: a switch. */
  readonly value?: string;
  readonly help: string;
  readonly initial?: string;
  /** Said in the help. Whoever runs the program checks it. */
  readonly required?: true;
}

type FfFlags<Name extends string> = Readonly<Record<Name, FfFlag>>;

export interface FfArguments<Name extends string> {
  /** What was given, or else what stands in for it, or else the initial value. */
  text(name: Name): string | undefined;
  on(name: Name): boolean;
  /** What follows the flags. */
  readonly rest: readonly string[];
  /** `-h` or `--help` was given. */
  readonly help: boolean;
}

/**
 * `standIn`: the value of a flag that was not given, from variables or a file. Throws USAGE; messages
 * hold no value: it may be a secret in the wrong place.
 */
export function parseFf<Name extends string>(
  args: readonly string[],
  flags: FfFlags<Name>,
  standIn: (name: Name) => string | undefined,
): FfArguments<Name> {
  const given = new Map<string, string>();
  const queue = [...args];
  let help = false;
  while (queue.length > 0 && /^-./.test(queue[0])) {
    const word = queue.shift()!;
    if (word === '--') break;
    if (word === '-h' || word === '--help') help = true;
    else if (word.startsWith('--')) takeLong(word, flags, queue, given);
    else takeShort(word, flags, queue, given);
  }
  const text = (name: Name): string | undefined =>
    given.get(name) ?? standIn(name) ?? flags[name].initial;
  return { text, on: (name) => switchOf(name, text(name) ?? 'false'), rest: queue, help };
}

/** Variables with the names of the flags: `PREFIX_TUNNEL_ADDRESS` is `--tunnel-address`. */
export function fromVariables(
  env: NodeJS.ProcessEnv,
  prefix: string,
): (name: string) => string | undefined {
  return (name) => env[`${prefix}_${name.replaceAll('-', '_').toUpperCase()}`];
}

function takeLong(
  word: string,
  flags: FfFlags<string>,
  queue: string[],
  given: Map<string, string>,
): void {
  const [, name, inline] = /^--([^=]*)(?:=(.*))?$/s.exec(word)!;
  if (!Object.hasOwn(flags, name)) throw usage(`unknown flag ${quoted(`--${name}`)}`);
  const { value } = flags[name];
  given.set(name, inline ?? (value === undefined ? 'true' : next(name, queue)));
}

function takeShort(
  word: string,
  flags: FfFlags<string>,
  queue: string[],
  given: Map<string, string>,
): void {
  for (let letters = word.slice(1); letters !== ''; letters = letters.slice(1)) {
    const [letter] = letters;
    const name = Object.keys(flags).find((long) => flags[long].short === letter);
    if (name === undefined) throw usage(`unknown flag ${quoted(`-${letter}`)}`);
    const inline = /^=?(.+)$/s.exec(letters.slice(1))?.[1];
    if (flags[name].value !== undefined) return void given.set(name, inline ?? next(name, queue));
    given.set(name, 'true');
  }
}

function next(name: string, queue: string[]): string {
  const value = queue.shift();
  if (value === undefined) throw usage(`flag ${quoted(`--${name}`)} needs a value`);
  return value;
}

function switchOf(name: string, text: string): boolean {
  if (/^(?:1|t|true)$/i.test(text)) return true;
  if (/^(?:0|f|false)?$/i.test(text)) return false;
  throw usage(`flag ${quoted(`--${name}`)} takes true or false`);
}

/** The flags, as the help of such programs lists them. */
export function describeFf(flags: FfFlags<string>): string {
  const heads = Object.entries(flags).map(([name, { short, value }]) => {
    const letter = short === undefined ? '    ' : `-${short}, `;
    return `  ${letter}--${name}${value === undefined ? '' : ` ${value}`}`;
  });
  const width = Math.max(...heads.map(({ length }) => length)) + 3;
  return Object.values(flags)
    .map(({ help, initial, required }, index) => {
      const more = required ? ' (required)' : initial === undefined ? '' : ` (default: ${initial})`;
      return `${heads[index].padEnd(width)}${help}${more}\n`;
    })
    .join('');
}

function usage(message: string): SallyportError {
  return new SallyportError('USAGE', `${message}; --help lists them`);
}
