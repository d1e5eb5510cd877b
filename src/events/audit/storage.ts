/**
 * The bytes of the audit file: found again at the start, appended to, rotated. Lines are written at a
 * place that is known, so that one that could not be written whole leaves nothing behind.
 */
import fs, { type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { SallyportError } from '../../errors.ts';
import { AUDIT_LINE_MAX_BYTES } from '../../limits.ts';
import { beginsChainLine, chainStart, readChainLine, type ChainLink } from './chain.ts';

export interface AuditStorage {
  /** The last line when the file was opened. */
  readonly last: ChainLink;
  /** Bytes of an unfinished line that were cut off when the file was opened. */
  readonly cut: number;
  readonly size: number;
  /** Appends all of it or nothing. Rejects with what the system says. */
  append(text: string): Promise<void>;
  /** What was appended is on the disk when it resolves. */
  sync(): Promise<void>;
  /** Whether the file is still the one that stands under its name. */
  inPlace(): Promise<boolean>;
  close(): Promise<void>;
}

/** A rotated file has the number of its last line behind its name, so that names are in order. */
const NUMBER_DIGITS = 12;

/**
 * Opens the file, or makes it, readable for its owner only. A new one goes on from the last that was
 * rotated. Rejects with CONFIG_INVALID when it cannot be had, or is not what an audit file is.
 */
export async function openAuditStorage(file: string): Promise<AuditStorage> {
  const handle = await open(file);
  try {
    const { size: found, ino } = await handle.stat();
    const { last, end } = await readEnd(handle, found, file);
    let size = end;
    await handle.truncate(size);
    return {
      last: last ?? (await lastRotated(file)) ?? chainStart,
      cut: found - end,

      get size() {
        return size;
      },

      async append(text) {
        const bytes = Buffer.from(text);
        try {
          for (let written = 0; written < bytes.length;) {
            const left = bytes.length - written;
            written += (await handle.write(bytes, written, left, size + written)).bytesWritten;
          }
          size += bytes.length;
        } catch (thrown) {
          await handle.truncate(size).catch(() => {});
          throw thrown;
        }
      },

      sync: () => handle.datasync(),

      inPlace: () =>
        fs.stat(file).then(
          (present) => present.ino === ino,
          () => false,
        ),

      close: () => handle.close(),
    };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

/** Puts the file aside under the number of its last line. */
export async function rotateAudit(file: string, last: ChainLink): Promise<void> {
  await fs.rename(file, `${file}.${String(last.line).padStart(NUMBER_DIGITS, '0')}`);
}

async function open(file: string): Promise<FileHandle> {
  const { O_RDWR, O_CREAT } = fs.constants;
  try {
    return await fs.open(file, O_RDWR | O_CREAT, 0o600);
  } catch (thrown) {
    throw unusable(file, thrown);
  }
}

export function unusable(file: string, cause: unknown): SallyportError {
  const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new SallyportError('CONFIG_INVALID', `audit_file: cannot write ${file}: ${why}`, {
    cause,
  });
}

/** The last line, and where it ends: an unfinished one behind it was being written when all ended. */
async function readEnd(
  handle: FileHandle,
  size: number,
  file: string,
): Promise<{ last: ChainLink | null; end: number }> {
  const length = Math.min(size, 2 * AUDIT_LINE_MAX_BYTES);
  const bytes = Buffer.alloc(length);
  await handle.read(bytes, 0, length, size - length);
  const end = bytes.lastIndexOf('\n') + 1;
  const unfinished = bytes.toString('utf8', end);
  if (!beginsChainLine(unfinished)) throw foreign(file);
  if (end === 0 && size <= AUDIT_LINE_MAX_BYTES) return { last: null, end: 0 };
  const start = bytes.lastIndexOf('\n', end - 2) + 1;
  const read = end === 0 ? null : readChainLine(bytes.toString('utf8', start, end - 1));
  if (read === null) throw foreign(file);
  return { last: read.link, end: size - length + end };
}

function foreign(file: string): SallyportError {
  const why =
    'it does not end like an intact audit file; look with `sallyport audit verify`, then move it away';
  return new SallyportError('CONFIG_INVALID', `audit_file: ${file}: ${why}`);
}

/** The end of the newest rotated file; null when there is none. */
async function lastRotated(file: string): Promise<ChainLink | null> {
  const folder = path.dirname(file);
  const stem = `${path.basename(file)}.`;
  const names = (await fs.readdir(folder)).filter(
    (name) => name.startsWith(stem) && /^\d+$/.test(name.slice(stem.length)),
  );
  const newest = names.toSorted().at(-1);
  if (newest === undefined) return null;
  const rotated = path.join(folder, newest);
  const handle = await fs.open(rotated);
  try {
    return (await readEnd(handle, (await handle.stat()).size, rotated)).last;
  } finally {
    await handle.close();
  }
}
