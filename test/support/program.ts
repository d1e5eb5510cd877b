/**
 * A process of the command line under test, run from the repository with the Node.js that runs the
 * tests. It is killed and reaped with its test, and what it wrote to stderr goes into every failure.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { within } from './wait.ts';

const entry = path.resolve(import.meta.dirname, '../../bin/sallyport.js');

/** How long a program may take to say or do what a test waits for, in milliseconds. */
const PATIENCE_MS = 30_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ProgramOptions {
  /** Added to a clean environment without any setting of Sallyport's. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Runs under these words instead of directly: a limiter of resources, for example. */
  under?: string[];
  /** stdout is bytes that the test reads by itself, not lines. */
  raw?: true;
}

export interface Program {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Everything written so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Waits for the process to end by itself and for its output to be read. */
  ended(): Promise<Exit>;
  /** The first line of stdout, from the beginning, for which `pick` gives something. */
  line<T>(pick: (line: string) => T | undefined): Promise<T>;
  /** The same of stderr. */
  logLine<T>(pick: (line: string) => T | undefined): Promise<T>;
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
}

const running = new Set<number>();
process.on('exit', () => {
  for (const pid of running) process.kill(pid, 'SIGKILL');
});

export function startProgram(
  t: TestContext,
  args: readonly string[],
  options: ProgramOptions = {},
): Program {
  const words = [...(options.under ?? []), process.execPath, entry, ...args];
  const child = spawn(words[0], words.slice(1), {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const pid = child.pid!;
  running.add(pid);
  const out = options.raw ? null : createLines(child.stdout);
  const err = createLines(child.stderr);
  child.stdin.on('error', () => {}); // a program that has gone takes no more input
  const exit = new Promise<Exit>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      running.delete(pid);
      resolve({ code, signal });
    });
  });
  const gone = exit.then(({ code, signal }) => {
    throw new Error(`sallyport ${args[0]} ended early (${code ?? signal})`);
  });
  gone.catch(() => {});
  const patiently = async <T>(promise: Promise<T>, what: string): Promise<T> => {
    try {
      return await within(PATIENCE_MS, promise, what);
    } catch (error) {
      const said = `\nstdout:\n${out?.text() ?? '(raw)'}\nstderr:\n${err.text()}`;
      throw new Error(`sallyport ${args.join(' ')}: ${String(error)}${said}`, { cause: error });
    }
  };
  const find = <T>(lines: Lines, pick: (line: string) => T | undefined): Promise<T> =>
    patiently(Promise.race([lines.find(pick), gone]), 'a line');
  const end = (signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> => {
    child.kill(signal);
    return exit;
  };
  t.after(() => end('SIGKILL'));
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    out: () => out?.text() ?? '',
    err: () => err.text(),
    ended: () => patiently(exit, 'the end'),
    line: (pick) => find(out!, pick),
    logLine: (pick) => find(err, pick),
    end,
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs a command to its end. */
export async function runProgram(
  t: TestContext,
  args: readonly string[],
  options: ProgramOptions & { input?: string | Buffer } = {},
): Promise<Exit & { out: string; err: string }> {
  const program = startProgram(t, args, options);
  program.stdin.end(options.input ?? '');
  const exit = await program.ended();
  return { ...exit, out: program.out(), err: program.err() };
}

/** The words as a line for a shell: for programs that start Sallyport by themselves. */
export function commandLine(args: readonly string[]): string {
  return [process.execPath, entry, ...args].join(' ');
}

/** Resident memory of a process in bytes. Linux only. */
export function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

/** Open file descriptors of a process. Linux only. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function cleanEnvironment(): Record<string, string | undefined> {
  const dropped = /^(?:SALLYPORT_.*|NODE_.*|HOST|PORT|.*_PROXY|.*_proxy|npm_.*)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !dropped.test(name)));
}

interface Lines {
  text(): string;
  find<T>(pick: (line: string) => T | undefined): Promise<T>;
}

/** Gathers a stream's text and hands each full line to those who wait for one. */
function createLines(stream: Readable): Lines {
  let text = '';
  let rest = '';
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text += chunk;
    const parts = (rest + chunk).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
    for (const line of parts) for (const offer of waiting) offer(line);
  });
  return {
    text: () => text,
    find: (pick) =>
      new Promise((resolve) => {
        for (const line of lines) {
          const found = pick(line);
          if (found !== undefined) return resolve(found);
        }
        const offer = (line: string): void => {
          const found = pick(line);
          if (found === undefined) return;
          waiting.delete(offer);
          resolve(found);
        };
        waiting.add(offer);
      }),
  };
}
