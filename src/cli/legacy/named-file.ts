/** Files that command lines name. */
import fs from 'node:fs';
import path from 'node:path';
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';

/** The text of a file; `what` names it in the message. Throws CONFIG_INVALID. */
export function readNamedFile(directory: string, file: string, what: string): string {
  try {
    return fs.readFileSync(path.resolve(directory, file), 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = `cannot read ${quoted(file)}: ${code}`;
    throw new SallyportError('CONFIG_INVALID', `${what}: ${why}`, { cause });
  }
}

/** A file that holds one secret: its text without the last line end. */
export function readSecretFile(directory: string, file: string, what: string): string {
  return readNamedFile(directory, file, what).replace(/\r?\n$/, '');
}
