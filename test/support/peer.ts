/** Programs of other makers, as found on Debian, run beside the tunnel and ended with their test. */
import { spawn, type ChildProcess } from 'node:child_process';
import net from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { until, within } from './wait.ts';

const START_MS = 30_000;

/** Where Debian puts daemons, which an ordinary user's PATH leaves out. */
const searchPath = `${process.env.PATH}:/usr/sbin:/sbin`;

export interface Ended {
  code: number | null;
  out: Buffer;
  err: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  input?: string | Buffer;
  timeout?: number;
}

/** Runs a program to its end. */
export async function runPeer(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = launch(words, options);
  const out: Buffer[] = [];
  let err = '';
  child.stdout!.on('data', (piece: Buffer) => out.push(piece));
  child.stderr!.on('data', (piece: Buffer) => (err += piece.toString()));
  child.stdin!.on('error', () => {});
  child.stdin!.end(options.input ?? '');
  try {
    const [code] = (await within(
      options.timeout ?? 60_000,
      once(child, 'close'),
      `the end of ${words.join(' ')}`,
    )) as [number | null];
    return { code, out: Buffer.concat(out), err };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Starts a daemon in the foreground, and waits until its port accepts connections. */
export async function startPeer(
  t: TestContext,
  words: readonly string[],
  port: number,
): Promise<void> {
  const child = launch(words, {});
  let said = '';
  let ended = false;
  child.stdout!.on('data', (piece: Buffer) => (said += piece.toString()));
  child.stderr!.on('data', (piece: Buffer) => (said += piece.toString()));
  const exit = once(child, 'close').finally(() => (ended = true));
  exit.catch(() => {});
  t.after(async () => {
    child.kill('SIGTERM');
    await within(5_000, exit, `the end of ${words[0]}`).catch(() => child.kill('SIGKILL'));
  });
  await until(
    `${words[0]} listens on port ${port}`,
    async () => {
      if (ended) throw new Error(`${words.join(' ')} ended early: ${said}`);
      return accepts(port);
    },
    START_MS,
  );
}

function launch(words: readonly string[], { cwd, env }: RunOptions): ChildProcess {
  const child = spawn(words[0], words.slice(1), {
    cwd,
    env: { ...process.env, PATH: searchPath, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.on('error', (error) => {
    throw new Error(`${words[0]} does not run; .ci/run lists the packages these tests need`, {
      cause: error,
    });
  });
  return child;
}

async function accepts(port: number): Promise<boolean> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  const accepted = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return accepted;
}
