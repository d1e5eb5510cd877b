/** Every process that the bench starts: it ends with the bench, and its early death ends the bench. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A process that does not end when asked to is killed after this. */
const STOP_TIMEOUT_MS = 3_000;
/** The longest wait for the first line of a process that asks for no other. */
const FIRST_LINE_TIMEOUT_MS = 30_000;
/** What is kept of a process's stderr, to say why it died. */
const STDERR_KEPT_CHARS = 4_000;

export interface Command {
  /** What messages call it. */
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
  /** Added to the bench's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The longest wait for its first line. */
  readonly firstLineMs?: number;
}

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** The first line of its stdout. Rejects when none comes in time or the process ends without one. */
  readonly firstLine: Promise<string>;
  /** Asks it to end, and resolves when it has. */
  stop(): Promise<void>;
}

export interface Processes {
  /** Starts what is to live until it is stopped. */
  start(command: Command): RunningProcess;
  /** Runs to the end and resolves with the lines of stdout; rejects unless it exits with 0. */
  run(command: Command, onLine?: (line: string) => void): Promise<string[]>;
  /** As `work`, but rejects as soon as a started process has died. */
  guard<T>(work: Promise<T>): Promise<T>;
  stopAll(): Promise<void>;
  /** Signals them all without waiting, for when the bench itself is ending. */
  killAll(): void;
}

/** A program that the bench runs failed or died; the message ends with what it said. */
export class ProcessFailed extends Error {}

interface Child {
  readonly process: ChildProcess;
  readonly lines: string[];
  /** Resolves with null when it exited with 0, else with what is known of its end. */
  readonly ended: Promise<string | null>;
}

export function createProcesses(): Processes {
  const children = new Set<ChildProcess>();
  const died = Promise.withResolvers<never>();
  died.promise.catch(() => {}); // whoever guards work hears of it

  function launch(command: Command, onLine: (line: string) => void): Child {
    const spawned = spawn(command.path, command.args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...command.env },
    });
    children.add(spawned);
    const lines: string[] = [];
    let stderr = '';
    spawned.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_KEPT_CHARS);
    });
    spawned.stdin.on('error', () => {}); // its end is told by `close`
    createInterface({ input: spawned.stdout }).on('line', (line) => {
      lines.push(line);
      onLine(line);
    });
    const ended = new Promise<string | null>((resolve) => {
      spawned.once('error', (error) => resolve(error.message));
      spawned.once('close', (code, signal) => {
        children.delete(spawned);
        const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
        resolve(code === 0 ? null : `${how}\n${stderr.trim()}`);
      });
    });
    return { process: spawned, lines, ended };
  }

  async function stop(child: Child): Promise<void> {
    if (!children.has(child.process)) return;
    child.process.kill('SIGTERM');
    const timer = setTimeout(() => child.process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await child.ended;
    clearTimeout(timer);
  }

  const started: RunningProcess[] = [];

  return {
    start(command) {
      const first = Promise.withResolvers<string>();
      first.promise.catch(() => {}); // not everybody waits for a line
      const patience = command.firstLineMs ?? FIRST_LINE_TIMEOUT_MS;
      const timer = setTimeout(() => {
        first.reject(new ProcessFailed(`${command.name} printed no line within ${patience} ms`));
      }, patience);
      timer.unref();
      const child = launch(command, first.resolve);
      let stopping = false;
      const watchEnd = async (): Promise<void> => {
        const why = (await child.ended) ?? 'exit code 0';
        const error = new ProcessFailed(`${command.name} ended by itself: ${why}`);
        first.reject(error);
        if (!stopping) died.reject(error);
      };
      void watchEnd();
      const running: RunningProcess = {
        name: command.name,
        pid: child.process.pid ?? 0,
        firstLine: first.promise,
        async stop() {
          stopping = true;
          await stop(child);
        },
      };
      started.push(running);
      return running;
    },

    async run(command, onLine = () => {}) {
      const child = launch(command, onLine);
      const why = await child.ended;
      if (why !== null) throw new ProcessFailed(`${command.name} failed: ${why}`);
      return child.lines;
    },

    guard(work) {
      return Promise.race([work, died.promise]);
    },

    async stopAll() {
      await Promise.all(started.map((running) => running.stop()));
    },

    killAll() {
      for (const child of children) child.kill('SIGTERM');
    },
  };
}
