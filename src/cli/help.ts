/** The texts of `--help`. */
import type { Field } from '../config/fields.ts';
import type { CommandName } from '../config/schema.ts';
import { legacyTools } from './legacy-tools.ts';
import { commands, plainCommands } from './table.ts';

/** Width of the texts, in characters. */
const WIDTH = 96;
const INDENT = '  ';

/** The list of commands. */
export function overview(version: string): string {
  const summaries = [
    ...Object.entries(commands).map(([name, { summary }]) => [name, summary] as const),
    ...Object.entries(legacyTools).map(([name, { summary }]) => [name, summary] as const),
    ...Object.entries(plainCommands),
  ];
  return [
    `sallyport ${version}: tunnels for services that may only dial out`,
    '',
    'Usage: sallyport COMMAND [options]',
    '',
    ...columns(summaries),
    '',
    '`sallyport COMMAND --help` explains a command.',
    '',
  ].join('\n');
}

/** Everything about one command. */
export function commandHelp(name: CommandName, fields: readonly Field[]): string {
  const { summary, positionals } = commands[name];
  const options = fields.filter(({ flag }) => flag !== null);
  const keys = fields.filter(({ flag }) => flag === null);
  return [
    usageLine(name, fields),
    '',
    ...wrap(summary, WIDTH),
    '',
    ...(positionals.shown === '' ? [] : [...columns([[positionals.shown, positionals.help]]), '']),
    'Options:',
    ...columns(options.map((field) => [heading(field), explanation(field)])),
    ...(keys.length === 0
      ? []
      : [
          '',
          'In the file only:',
          ...columns(keys.map(({ key, facts }) => [`${key}:`, facts.help])),
        ]),
    '',
    ...sources(options),
    '',
  ].join('\n');
}

/** `Usage: sallyport http TARGET --name NAME [options]` */
export function usageLine(name: CommandName, fields: readonly Field[]): string {
  const required = fields.filter((field) => field.required && field.flag !== null).map(heading);
  return ['Usage: sallyport', name, commands[name].positionals.shown, ...required, '[options]']
    .filter((part) => part !== '')
    .join(' ');
}

function heading({ flag, facts }: Field): string {
  const short = facts.short === undefined ? '' : `-${facts.short}, `;
  return facts.value === undefined ? `${short}${flag}` : `${short}${flag} ${facts.value}`;
}

function explanation({ facts, shape, initial, required }: Field): string {
  const notes = [
    shape === 'list' ? 'May be repeated.' : '',
    required ? 'Required.' : '',
    shape === 'switch' && initial === 'true' ? 'On unless --no- is put before the name.' : '',
    shape === 'value' && initial !== undefined ? `Default: ${initial}.` : '',
    facts.ambient === undefined ? '' : `${facts.ambient.names} stand in for the default.`,
  ];
  return [facts.help, ...notes.filter((note) => note !== '')].join(' ');
}

function sources(options: readonly Field[]): string[] {
  const lines: string[] = [];
  const example = options.find(
    ({ variable, facts }) => variable !== null && facts.value !== undefined,
  );
  if (example === undefined) return lines;
  const inFile = options.some(({ key }) => key === 'config');
  lines.push(
    `Options can also be variables (${example.variable}, lists with spaces)${inFile ? `, and keys of the file in --config (${example.key}:)` : ''}.`,
  );
  if (inFile) lines.push('A flag wins over a variable, that over the file, that over the default.');
  if (options.some(({ facts }) => facts.secret))
    lines.push('A secret may be written as file:PATH, the path of a file that holds it.');
  return lines.flatMap((line) => wrap(line, WIDTH));
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const longest = Math.max(...rows.map(([left]) => left.length));
  const left = Math.min(longest, 28);
  const margin = INDENT + ' '.repeat(left) + INDENT;
  return rows.flatMap(([name, text]) => {
    const lines = wrap(text, WIDTH - margin.length);
    if (name.length > left) return [INDENT + name, ...lines.map((line) => margin + line)];
    return lines.map(
      (line, index) => (index === 0 ? INDENT + name.padEnd(left) + INDENT : margin) + line,
    );
  });
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
