/** A process whose standard input and output carry bytes. It ends with its test. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { within } from '../support/wait.ts';

const entry = path.resolve(import.meta.dirname, '../../bin/sallyport.js');

export interface Process {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** What it wrote to stderr so far. */
  said(): string;
  /** Resolves with the exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  kill(signal?: NodeJS.Signals): void;
}

/** `sallyport` and these words. */
export function sallyport(...words: string[]): string[] {
  return [process.execPath, entry, ...words];
}

export function launch(t: TestContext, words: readonly string[]): Process {
  const child = spawn(words[0], words.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (piece: Buffer) => (said += String(piece)));
  child.stdin.on('error', () => {}); // it may have left
  const exited = once(child, 'close').then(([code]) => code as number | null);
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    said: () => said,
    exited,
    kill: (signal) => void child.kill(signal),
  };
}

/** Waits until stderr, or with `stdout` that, holds the text. */
export async function says(child: Process, text: string, where: 'stderr' | 'stdout' = 'stderr') {
  if (where === 'stderr') {
    const ended = child.exited.then(() => 'ended');
    while (!child.said().includes(text)) {
      const tick = new Promise((resolve) => setTimeout(resolve, 10));
      if ((await Promise.race([ended, tick])) === 'ended' && !child.said().includes(text))
        throw new Error(`it ended without saying ${text}: ${child.said()}`);
    }
    return;
  }
  let heard = '';
  for await (const piece of child.stdout) {
    heard += String(piece);
    if (heard.includes(text)) return;
  }
  throw new Error(`it never said ${text}: ${child.said()}`);
}

/** Reads exactly so many bytes; gives their SHA-256. The stream stays open. */
export async function digestOfFirst(from: Readable, bytes: number, ms = 120_000): Promise<string> {
  const hash = createHash('sha256');
  let left = bytes;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const take = (piece: Buffer): void => {
    hash.update(piece.subarray(0, left));
    if (piece.length > left) reject(new Error(`${piece.length - left} bytes too many`));
    left -= piece.length;
    if (left <= 0) resolve();
  };
  const early = (): void => reject(new Error(`it ended ${left} bytes early`));
  from.on('data', take).once('end', early);
  try {
    await within(ms, promise, `${bytes} bytes`);
  } finally {
    from.off('data', take).off('end', early);
  }
  return hash.digest('hex');
}
