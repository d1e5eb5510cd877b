/**
 * The lines of the audit file. Each holds its number, the hash of the line before it and its own:
 *
 *     {"line":2,"prev":"<hash of line 1>","entry":{…},"hash":"<SHA-256 of what stands before ,"hash">"}
 *
 * so that nothing can be changed, left out or put in without breaking what follows. Whoever may write
 * the file could write all of it anew: the newest hash, kept elsewhere, is the proof against that.
 */
import { createHash } from 'node:crypto';
import { AUDIT_LINE_MAX_BYTES } from '../../limits.ts';
import { eventText } from '../event-text.ts';

/** A line as the next one follows it. */
export interface ChainLink {
  readonly line: number;
  /** 64 hexadecimal digits. */
  readonly hash: string;
}

/** What the first line of all follows. */
export const chainStart: ChainLink = { line: 0, hash: '0'.repeat(64) };

export interface ChainedLine extends ChainLink {
  /** With its line end. */
  readonly text: string;
}

/** The line of an entry. */
export function chainLine({ line: before, hash: prev }: ChainLink, entry: object): ChainedLine {
  const line = before + 1;
  const open = `{"line":${line},"prev":"${prev}","entry":${entryText(entry)}`;
  const hash = hashOf(open);
  return { line, hash, text: `${open},"hash":"${hash}"}\n` };
}

function entryText(entry: object): string {
  const text = eventText(entry);
  const bytes = Buffer.byteLength(text);
  if (bytes <= AUDIT_LINE_MAX_BYTES - FRAME_BYTES) return text;
  const { seq, time, type } = entry as Record<string, unknown>;
  return eventText({ seq, time, type, cut: bytes });
}

/** What a line takes besides its entry, with room for sixteen digits. */
const FRAME_BYTES = 256;

const form =
  /^(\{"line":(\d{1,16}),"prev":"([0-9a-f]{64})","entry":\{.*\}),"hash":"([0-9a-f]{64})"\}$/su;

/** A line without its line end, read back: what it says that it follows, and what follows it. */
export function readChainLine(text: string): { link: ChainLink; prev: string } | null {
  const [, open, line, prev, hash] = form.exec(text) ?? [];
  if (open === undefined || hashOf(open) !== hash) return null;
  return { link: { line: Number(line), hash }, prev };
}

/** Whether a line could begin like this. */
export function beginsChainLine(text: string): boolean {
  const begin = '{"line":';
  return text.startsWith(begin) || begin.startsWith(text);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
