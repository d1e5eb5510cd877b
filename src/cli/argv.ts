/** The arguments of a command, sorted into values of options and positionals. */
import { SallyportError } from '../errors.ts';
import type { Field } from '../config/fields.ts';
import { suggestion } from '../config/nearest.ts';
import type { Positionals } from './table.ts';

export interface Arguments {
  /** By key, as text or lists of texts. */
  readonly flags: Readonly<Record<string, string | readonly string[]>>;
  readonly positionals: readonly string[];
}

/**
 * Flags are long, and a few have a letter besides: `--flag VALUE`, `--flag=VALUE`; switches `--flag`, `--no-flag`, `--flag=false`.
 * A value that starts with a hyphen takes the `=` form. After `--` everything is a positional.
 * Throws USAGE. Messages hold no value: it may be a secret in the wrong place.
 */
export function parseArguments(
  args: readonly string[],
  fields: readonly Field[],
  taken: Positionals,
): Arguments {
  const flags: Record<string, string | string[]> = {};
  const positionals: string[] = [];
  const queue = [...args];
  for (let argument = queue.shift(); argument !== undefined; argument = queue.shift()) {
    if (argument === '--') {
      positionals.push(...queue.splice(0));
    } else if (argument === '-' || !argument.startsWith('-')) {
      positionals.push(argument);
    } else {
      const { field, value } = parseFlag(argument, fields, queue);
      const before = flags[field.key];
      if (field.shape === 'list') flags[field.key] = [before ?? [], value].flat();
      else if (before === undefined) flags[field.key] = value;
      else throw usage(`${field.flag}: is given twice; give it once`);
    }
  }
  checkCount(positionals.length, taken);
  return { flags, positionals };
}

function parseFlag(
  argument: string,
  fields: readonly Field[],
  queue: string[],
): { field: Field; value: string } {
  const equals = argument.indexOf('=');
  const name = equals === -1 ? argument : argument.slice(0, equals);
  const inline = equals === -1 ? undefined : argument.slice(equals + 1);
  const field = fields.find(({ flag, facts }) => flag === name || shortFlag(facts) === name);
  if (field === undefined) {
    const denied = fields.find(
      ({ flag, shape }) => shape === 'switch' && flag?.replace('--', '--no-') === name,
    );
    if (denied !== undefined && inline === undefined) return { field: denied, value: 'false' };
    if (denied !== undefined)
      throw usage(`${name}: takes no value; write ${name} or ${denied.flag}`);
    throw usage(`${name}: is no option of this command${unknown(name, fields)}`);
  }
  if (inline !== undefined) return { field, value: inline };
  if (field.shape === 'switch') return { field, value: 'true' };
  const next = queue[0];
  if (next === undefined || (next.startsWith('-') && next !== '-')) {
    throw usage(
      `${name}: its value is missing; write ${name} ${field.facts.value}, or ${name}=VALUE if it starts with a hyphen`,
    );
  }
  queue.shift();
  return { field, value: next };
}

function shortFlag({ short }: Field['facts']): string | null {
  return short === undefined ? null : `-${short}`;
}

function unknown(name: string, fields: readonly Field[]): string {
  const flags = fields.map(({ flag }) => flag).filter((flag) => flag !== null);
  if (!name.startsWith('--') && flags.includes(`-${name}`)) return `; write -${name}`;
  return suggestion(name.replace(/^-+/, '--'), flags) || '; --help lists them';
}

function checkCount(count: number, { shown, min, max }: Positionals): void {
  if (count < min) throw usage(`${shown} is missing; --help shows what belongs there`);
  if (count <= max) return;
  throw usage(
    max === 0
      ? 'takes options only; write them with -- before their names'
      : `takes ${max} × ${shown}, not ${count}; --help shows what belongs there`,
  );
}

function usage(message: string): SallyportError {
  return new SallyportError('USAGE', message);
}
