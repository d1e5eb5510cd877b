/** `docs/configuration.md`: every option of every command, from the one schema. */
import { fieldsOf, type Field } from '../config/fields.ts';
import { schemas } from '../config/schema.ts';
import { usageLine } from './help.ts';
import { commandNames, commands } from './table.ts';

const INTRODUCTION = `# Configuration

<!-- Made by \`sallyport config reference\`; a test compares the two. Change src/config/ instead. -->

Each option can be given in three ways: as a flag (\`--tcp-ports 20000-20099\`), as a variable
(\`SALLYPORT_TCP_PORTS=20000-20099\`) and as a key of the YAML file that \`--config\` or
\`SALLYPORT_CONFIG\` names (\`tcp_ports: 20000-20099\`). A flag wins over a variable, that over the
file, and that over the default. Lists are not joined: the first source that has one wins.

- **Durations** have a unit: \`200ms\`, \`30s\`, \`5m\`, \`1h\`.
- **Lists** are repeated flags (\`--host a --host b\`), words with spaces between them in variables
  (\`SALLYPORT_HOST="a b"\`), and lists in files. A single value in a file needs no list.
- **Switches** are \`--name\` and \`--no-name\`, or \`true\` and \`false\`.
- **Secrets** may be written as \`file:PATH\`: the content of that file, without the last line end.
  A file that every user of the machine can read is warned of. Others can read command lines too:
  a file or a variable is the better place.
- **Paths** in a file start at the directory of that file, others at the working directory.
- In files \`\${NAME}\` is not replaced by a variable, and an unknown key is an error.
- A variable that nearly has the name of an option (\`SALLYPORT_TOKN\`) is an error; other unknown
  variables are passed over.

\`sallyport config check FILE\` lists everything that is wrong with a file, with line and column.
\`sallyport config schema\` prints the JSON Schema, for editors.
`;

/** The page, in Markdown. */
export function reference(): string {
  const sections = commandNames.map((name) => {
    const fields = fieldsOf(schemas[name]);
    const { summary, positionals } = commands[name];
    return [
      `## sallyport ${name}`,
      '',
      summary,
      '',
      `\`\`\`\n${usageLine(name, fields)}\n\`\`\``,
      '',
      ...(positionals.shown === '' ? [] : [`\`${positionals.shown}\`: ${positionals.help}`, '']),
      ...table(fields),
      ...(name === 'server' ? reloaded(fields) : []),
      ...fields.filter(({ entry }) => entry.length > 0).flatMap(inner),
    ].join('\n');
  });
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

function table(fields: readonly Field[]): string[] {
  const rows = fields.map((field) => {
    const cells = [
      field.flag === null ? 'file only' : code(field.flag),
      field.variable === null ? '' : code(field.variable),
      field.facts.file === false ? '' : code(`${field.key}:`),
      kind(field),
      standing(field),
      escape(field.facts.help),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| flag | variable | key | value | default | |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ];
}

/** A server takes changes of some options over while it runs. */
function reloaded(fields: readonly Field[]): string[] {
  const keys = fields.filter(({ facts }) => facts.live !== undefined).map(({ key }) => code(key));
  return [
    `Taken over while the server runs, when the file changes: ${keys.join(', ')}. The others need a restart.`,
    '',
  ];
}

/** What stands for the value. */
function kind({ facts, shape }: Field): string {
  if (facts.value !== undefined) return code(facts.value);
  return shape === 'entries' ? 'list' : shape;
}

function inner({ key, shape, entry }: Field): string[] {
  const rows = entry.map((field) => {
    const cells = [code(`${field.key}:`), kind(field), standing(field), escape(field.facts.help)];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    shape === 'keys' ? `Keys of \`${key}\`:` : `Keys of each entry of \`${key}\`:`,
    '',
    '| key | value | default | |',
    '|---|---|---|---|',
    ...rows,
    '',
    // Keys that stand in several places are described at the first.
    ...entry
      .filter((field) => field.shape === 'entries')
      .flatMap((field) => inner({ ...field, key: `${key}[].${field.key}` })),
  ];
}

function standing({ required, initial, shape, facts }: Field): string {
  if (required) return '**required**';
  const stated = initial === undefined ? (shape === 'list' ? 'none' : '') : code(initial);
  return facts.ambient === undefined ? stated : `${stated}, or ${facts.ambient.names}`;
}

function code(text: string): string {
  return `\`${escape(text)}\``;
}

function escape(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
