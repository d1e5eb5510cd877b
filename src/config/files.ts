/** Reading the files that a configuration consists of, and saying why one cannot be read. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { CONFIG_FILE_MAX_BYTES } from '../limits.ts';

export interface FileText {
  readonly text: string;
  /** The mode lets every user of the machine read the file, or change it. False for what is not a plain file. */
  readonly othersRead: boolean;
  readonly othersWrite: boolean;
}

/** The whole file as text, or what keeps it from being read and how to mend that. */
export function readBounded(file: string, maxBytes: number): FileText | { readonly wrong: string } {
  try {
    const stats = fs.statSync(file);
    const wrong = `is larger than the ${maxBytes} bytes that make sense; name the right file`;
    if (stats.size > maxBytes) return { wrong };
    const text = fs.readFileSync(file, 'utf8');
    if (text.length > maxBytes) return { wrong };
    const plain = stats.isFile();
    return {
      text,
      othersRead: plain && (stats.mode & 0o004) !== 0,
      othersWrite: plain && (stats.mode & 0o002) !== 0,
    };
  } catch (thrown) {
    return { wrong: unreadable(thrown) };
  }
}

/** What keeps the file from being read, or null. */
export function checkReadable(file: string): string | null {
  try {
    fs.accessSync(file, fs.constants.R_OK);
    return fs.statSync(file).isDirectory() ? 'that is a directory; name a file' : null;
  } catch (thrown) {
    return unreadable(thrown);
  }
}

/**
 * Tells one content of a file from another. Of a large file only the size counts. A pipe is left to
 * whoever uses it: it can be read once.
 */
export function digestOf(file: string): string {
  const stats = fs.statSync(file);
  if (!stats.isFile()) return '';
  if (stats.size > CONFIG_FILE_MAX_BYTES) return String(stats.size);
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}

function unreadable(thrown: unknown): string {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file; correct the path';
  if (code === 'EACCES' || code === 'EPERM')
    return 'this user may not read it; change its owner or mode';
  if (code === 'EISDIR') return 'that is a directory; name a file';
  return `it cannot be read (${code ?? 'for an unknown reason'})`;
}
