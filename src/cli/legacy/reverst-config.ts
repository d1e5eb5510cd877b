/** The file that stands in for flags of reverst's client: their long names, and a value for each. */
import fs from 'node:fs';
import path from 'node:path';
import { parseConfig } from '../../config/document.ts';
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';

/** Values by flag. A file that is not there has none. Throws CONFIG_INVALID; messages hold no value. */
export function readFlagFile(
  directory: string,
  file: string,
  known: readonly string[],
): ReadonlyMap<string, string> {
  const refuse = (why: string, cause?: unknown): SallyportError =>
    new SallyportError('CONFIG_INVALID', `config ${quoted(file)}: ${why}`, { cause });
  let text: string;
  try {
    text = fs.readFileSync(path.resolve(directory, file), 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return new Map();
    throw refuse(`cannot be read: ${code}`, cause);
  }
  const { document, problems } = parseConfig(file, text);
  if (problems.length > 0) throw refuse('is no YAML with a value for each flag');
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(document.values)) {
    const { line } = document.position([name], 'key');
    if (!known.includes(name))
      throw refuse(`line ${line}: ${quoted(name)} is not known; known: ${known.join(', ')}`);
    if (typeof value !== 'string') throw refuse(`line ${line}: ${name} needs one value`);
    values.set(name, value);
  }
  return values;
}
