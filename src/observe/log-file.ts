/**
 * Log lines in a file that is put aside when it has grown too large or too old. A file that somebody
 * else moves away is opened anew. When it cannot be written (a full disk, for example), lines wait up
 * to LOG_BACKLOG_MAX_BYTES, and what does not fit is counted.
 */
import fs from 'node:fs';
import { open, rename, stat, type FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { SallyportError } from '../errors.ts';
import {
  LOG_BACKLOG_MAX_BYTES,
  LOG_FILE_CHECK_MS,
  LOG_GATHER_MS,
  LOG_PRUNE_MS,
  LOG_RETRY_MS,
} from '../limits.ts';
import { GatheredLines } from './gathered-lines.ts';
import { leaving } from './leaving.ts';
import type { ClosedSink } from './line-sink.ts';
import { pruneRotated, rotatedName, type Retention } from './rotated-files.ts';

export interface LogFileOptions extends Retention {
  readonly file: string;
  /** A file that would grow beyond so many bytes is put aside. Default: never. */
  readonly maxBytes?: number;
  /** It cannot be written; told once until it can be again. */
  readonly failed: (error: Error) => void;
}

/** Only its owner and group may read it: a log tells who is who. */
const MODE = 0o640;

/** Files that are open: what they hold is written when the process exits. */
const openFiles = new Set<LogFile>();

function writeAllNow(): void {
  for (const file of openFiles) file.writeNow();
}

/** Throws CONFIG_INVALID when the file cannot be opened. */
export function openLogFile(options: LogFileOptions): ClosedSink {
  try {
    fs.closeSync(fs.openSync(options.file, 'a', MODE));
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code;
    const message = `log file ${options.file}: cannot be opened for writing: ${why}`;
    throw new SallyportError('CONFIG_INVALID', message, { cause });
  }
  if (!process.listeners('exit').includes(writeAllNow)) process.on('exit', writeAllNow);
  const file = new LogFile(options);
  openFiles.add(file);
  return file;
}

class LogFile implements ClosedSink {
  dropped: (count: number) => void = () => {};
  #options: LogFileOptions;
  #waiting = new GatheredLines();
  /** Bytes that are being written. */
  #leaving = 0;
  #lost = 0;
  #handle: FileHandle | null = null;
  /** Of the open file: its number on the disk, its size, and when it began. */
  #inode = 0;
  #size = 0;
  #startedAt = 0;
  #checkedAt = 0;
  #prunedAt = 0;
  /** Settles when nothing is left to write. */
  #writing: Promise<void> | null = null;
  #failing = false;
  /** It could not be put aside. */
  #stuck = false;
  #closing = new AbortController();

  constructor(options: LogFileOptions) {
    this.#options = options;
  }

  write(line: string): void {
    const room = LOG_BACKLOG_MAX_BYTES - this.#leaving;
    if (this.#closing.signal.aborted || !this.#waiting.add(line, room)) this.#lost++;
    else this.#writing ??= this.#writeAll();
  }

  flush(): void {}

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      await pause(LOG_GATHER_MS);
      const { bytes, count } = this.#waiting.take();
      this.#leaving = bytes.length;
      if (!(await this.#writeOut(bytes))) this.#lost += count;
      this.#leaving = 0;
      this.#tellDropped();
    }
    this.#writing = null;
  }

  #tellDropped(): void {
    if (this.#lost === 0 || this.#failing || this.#closing.signal.aborted) return;
    const count = this.#lost;
    this.#lost = 0;
    this.dropped(count);
  }

  /** Tries until it is written; false when it was not by the end. */
  async #writeOut(text: Buffer): Promise<boolean> {
    let at = 0;
    for (;;) {
      try {
        await this.#settle(text.length);
        while (at < text.length) {
          const { bytesWritten } = await this.#handle!.write(text, at);
          at += bytesWritten;
          this.#size += bytesWritten;
        }
        this.#failing = false;
        return true;
      } catch (thrown) {
        if (!this.#failing) this.#options.failed(thrown as Error);
        this.#failing = true;
        await this.#release();
        if (this.#closing.signal.aborted) return false;
        const { signal } = this.#closing;
        await pause(LOG_RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  /** Makes sure that the right file is open, with room for `length` bytes. */
  async #settle(length: number): Promise<void> {
    const now = Date.now();
    if (now - this.#checkedAt >= LOG_FILE_CHECK_MS) {
      this.#checkedAt = now;
      if (this.#handle !== null && !(await this.#inPlace())) await this.#release();
    }
    await this.#open();
    const { maxBytes = Infinity, maxAgeMs = Infinity } = this.#options;
    const full = this.#size > 0 && this.#size + length > maxBytes;
    const old = this.#size > 0 && now - this.#startedAt > maxAgeMs;
    if (full || old) await this.#rotate(now);
    else if (now - this.#prunedAt < LOG_PRUNE_MS) return;
    this.#prunedAt = now;
    await pruneRotated(this.#options.file, this.#options, now);
  }

  /** A file that cannot be put aside grows on: its lines are worth more than its size. */
  async #rotate(now: number): Promise<void> {
    const { file, failed } = this.#options;
    try {
      await rename(file, await rotatedName(file, now));
      this.#stuck = false;
    } catch (thrown) {
      if (!this.#stuck) failed(thrown as Error);
      this.#stuck = true;
      return;
    }
    await this.#release();
    await this.#open();
  }

  async #open(): Promise<void> {
    if (this.#handle !== null) return;
    this.#handle = await open(this.#options.file, 'a', MODE);
    const { ino, size, birthtimeMs } = await this.#handle.stat();
    this.#inode = ino;
    this.#size = size;
    // Where the file system does not say when a file began, that is now.
    this.#startedAt = birthtimeMs > 0 ? birthtimeMs : Date.now();
  }

  async #inPlace(): Promise<boolean> {
    return stat(this.#options.file).then(
      ({ ino }) => ino === this.#inode,
      () => false,
    );
  }

  async #release(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close().catch(() => {});
  }

  /** The process ends: what still waits is written while everything stands still. */
  writeNow(): void {
    const { bytes } = this.#waiting.take();
    if (bytes.length === 0) return;
    try {
      fs.appendFileSync(this.#options.file, bytes, { mode: MODE });
    } catch {
      // There is nobody left to tell.
    }
  }

  async close(): Promise<void> {
    if (this.#writing !== null) await leaving(this.#writing);
    this.#closing.abort();
    openFiles.delete(this);
    this.writeNow();
    await this.#release();
  }
}
