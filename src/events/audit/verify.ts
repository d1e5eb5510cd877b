/** Whether audit files are as they were written. */
import fs from 'node:fs';
import { AUDIT_LINE_MAX_BYTES } from '../../limits.ts';
import { chainStart, readChainLine, type ChainLink } from './chain.ts';

export interface AuditVerdict {
  /** Intact lines from the beginning on. */
  readonly lines: number;
  /** The first and the last of them. Null without one. */
  readonly first: ChainLink | null;
  readonly last: ChainLink | null;
  /** The first line that is not as it was written; null: all are. */
  readonly broken: BrokenLine | null;
}

export interface BrokenLine {
  readonly file: string;
  /** Counts from 1, in its file. */
  readonly at: number;
  readonly why: string;
}

const LINE_END = 0x0a;

/**
 * Reads the files in the order given, the oldest first: each has to go on where the one before it
 * ends. The first may go on from a file that is not there. Rejects with what opening a file rejects
 * with.
 */
export async function verifyAudit(files: readonly string[]): Promise<AuditVerdict> {
  let lines = 0;
  let first: ChainLink | null = null;
  let last: ChainLink | null = null;
  for (const file of files) {
    let at = 0;
    for await (const text of readLines(file)) {
      at++;
      const read = text === null ? null : readChainLine(text);
      const why = text === null ? UNFINISHED : wrongWith(read, last);
      if (why !== null) return { lines, first, last, broken: { file, at, why } };
      last = read!.link;
      first ??= last;
      lines++;
    }
  }
  return { lines, first, last, broken: null };
}

const UNFINISHED = 'it is not finished: the end of the file was cut off';

function wrongWith(read: ReturnType<typeof readChainLine>, last: ChainLink | null): string | null {
  if (read === null) return 'its hash does not fit what it holds: it was changed';
  const { link, prev } = read;
  const before = last ?? (link.line === 1 ? chainStart : null);
  if (before === null) return null;
  if (link.line !== before.line + 1)
    return `it has number ${link.line} where ${before.line + 1} was due: lines were taken out or put in`;
  return prev === before.hash
    ? null
    : 'it does not follow the line before it: that one was replaced';
}

/** The lines of a file without their ends; null for one that is unfinished, or longer than any line is. */
async function* readLines(file: string): AsyncIterable<string | null> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of fs.createReadStream(file) as AsyncIterable<Buffer>) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, start)) {
      yield bytes.toString('utf8', start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
    if (rest.length > AUDIT_LINE_MAX_BYTES) break;
  }
  if (rest.length > 0) yield null;
}
