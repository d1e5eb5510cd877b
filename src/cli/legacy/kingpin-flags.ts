/**
 * Command lines as kingpin reads them (github.com/alecthomas/kingpin, version 2): `--name VALUE`,
 * `--name=VALUE`, switches `--name` and `--no-name`, in any order with the positionals; `--` ends the
 * flags.
 */
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';

export interface KingpinFlag {
  /** What stands for the value in the help; absent: a switch, which is off where `initial` is not true. */
  readonly value?: string;
  readonly help: string;
  readonly initial?: string;
  /** A variable that stands in for the initial value. */
  readonly variable?: string;
  readonly required?: true;
  /** May be given several times. */
  readonly many?: true;
}

type KingpinFlags<Name extends string> = Readonly<Record<Name, KingpinFlag>>;

export interface KingpinArguments<Name extends string> {
  /** The value, or what stands in for it; undefined when there is none. */
  text(name: Name): string | undefined;
  list(name: Name): readonly string[];
  on(name: Name): boolean;
  readonly positionals: readonly string[];
  /** `--help` or `--version` was given: nothing else was checked. */
  readonly asks: 'help' | 'version' | null;
}

/** `positionals`: their names; all of them are required. Throws USAGE; messages hold no value. */
export function parseKingpin<Name extends string>(
  args: readonly string[],
  flags: KingpinFlags<Name>,
  names: readonly string[],
  env: NodeJS.ProcessEnv,
): KingpinArguments<Name> {
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  const queue = [...args];
  let asks: KingpinArguments<Name>['asks'] = null;
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') positionals.push(...queue.splice(0));
    else if (word === '--help' || word === '--version')
      asks ??= word === '--help' ? 'help' : 'version';
    else if (!word.startsWith('-') || word === '-') positionals.push(word);
    else take(word, flags, queue, given);
  }
  const list = (name: Name): readonly string[] => given.get(name) ?? initialOf(flags[name], env);
  if (asks === null) checkComplete(flags, names, positionals, list);
  return {
    list,
    text: (name) => list(name).at(-1),
    on: (name) => list(name).at(-1) === 'true',
    positionals,
    asks,
  };
}

function take(
  word: string,
  flags: KingpinFlags<string>,
  queue: string[],
  given: Map<string, string[]>,
): void {
  if (!word.startsWith('--')) throw usage(`unknown short flag ${shown(word)}`);
  const [, written, inline] = /^--([^=]*)(?:=(.*))?$/s.exec(word)!;
  const off = written.startsWith('no-') && isSwitch(flags, written.slice(3));
  const name = off ? written.slice(3) : written;
  if (!Object.hasOwn(flags, name)) throw usage(`unknown long flag ${shown(`--${written}`)}`);
  const flag = flags[name];
  const before = given.get(name) ?? [];
  if (before.length > 0 && !flag.many) throw usage(`flag ${shown(name)} cannot be repeated`);
  given.set(name, [...before, valueOf(name, flag, inline, queue, off)]);
}

function isSwitch(flags: KingpinFlags<string>, name: string): boolean {
  return Object.hasOwn(flags, name) && flags[name].value === undefined;
}

function valueOf(
  name: string,
  { value }: KingpinFlag,
  inline: string | undefined,
  queue: string[],
  off: boolean,
): string {
  if (value === undefined) {
    if (inline !== undefined) throw usage(`unexpected value for switch ${shown(`--${name}`)}`);
    return String(!off);
  }
  const next = queue[0];
  if (inline === undefined && (next === undefined || (next.startsWith('-') && next !== '-')))
    throw usage(`expected argument for flag ${shown(`--${name}`)}`);
  return inline ?? queue.shift()!;
}

function initialOf({ initial, variable }: KingpinFlag, env: NodeJS.ProcessEnv): readonly string[] {
  const value = (variable === undefined ? undefined : env[variable]) ?? initial;
  return value === undefined ? [] : [value];
}

function checkComplete<Name extends string>(
  flags: KingpinFlags<Name>,
  names: readonly string[],
  positionals: readonly string[],
  list: (name: Name) => readonly string[],
): void {
  for (const name of Object.keys(flags) as Name[]) {
    if (flags[name].required && list(name).length === 0)
      throw usage(`required flag --${name} not provided`);
  }
  const missing = names[positionals.length];
  if (missing !== undefined) throw usage(`required argument '${missing}' not provided`);
  const surplus = positionals[names.length];
  if (surplus !== undefined) throw usage(`unexpected ${quoted(surplus)}`);
}

/** The flags, as the help of such programs lists them. */
export function describeKingpin(flags: KingpinFlags<string>): string {
  return Object.entries(flags)
    .map(([name, { value, help, initial }]) => {
      const head = value === undefined ? `--[no-]${name}` : `--${name}=${value}`;
      const otherwise = initial === undefined || initial === '' ? '' : ` Default: ${initial}.`;
      return `  ${head}\n      ${help}${otherwise}\n`;
    })
    .join('');
}

function shown(text: string): string {
  return `'${quoted(text).slice(1, -1)}'`;
}

function usage(message: string): SallyportError {
  return new SallyportError('USAGE', `${message}, try --help`);
}
