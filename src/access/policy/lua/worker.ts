/** A thread with a script, seen from the outside: one question at a time, and an end to what takes too long. */
/* oxlint-disable unicorn/require-post-message-target-origin -- threads have no origins */
import path from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { LUA_CPU_MS, LUA_START_TIMEOUT_MS, LUA_WORKER_HEAP_MAX_BYTES } from '../../../limits.ts';
import type { ScriptAnswer, ScriptQuestion } from './sandbox.ts';
import { answerScript } from './script-call.ts';
import type { ThreadData, ThreadMessage } from './thread.ts';

export interface Script {
  readonly text: string;
  /** How messages name it. */
  readonly name: string;
}

export interface LuaWorker {
  /** Resolves when it takes questions: with null, or with what is wrong with the script or the thread. */
  readonly ready: Promise<string | null>;
  /** One at a time, and not before it is ready. Always resolves. */
  ask(question: ScriptQuestion): Promise<ScriptAnswer>;
  /** Ends the thread at once, whatever it does. A question under way gets `why` as its answer. */
  end(why: string): void;
}

/** Microseconds of processor time that a thread has used; null where the runtime cannot tell (before Node 24.6). */
async function processorTime(worker: Partial<Pick<Worker, 'cpuUsage'>>): Promise<number | null> {
  try {
    const usage = await worker.cpuUsage?.();
    return usage === undefined ? null : usage.user + usage.system;
  } catch {
    return null; // it ends just now
  }
}

/** How soon after a look at its use of the processor a thread is looked at again, at the earliest. */
const LOOK_MIN_MS = 5;

const MB = 1024 * 1024;

/** As it stands beside this file: compiled, or as it is. */
const thread = new URL(`./thread${path.extname(import.meta.filename)}`, import.meta.url);

/** `gone` is called once, when the thread takes no more questions. */
export function startLuaWorker(script: Script, gone: () => void): LuaWorker {
  const { port1: near, port2: far } = new MessageChannel();
  const answered = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const usedBefore = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
  const data: ThreadData = {
    script: script.text,
    // Lua takes what stands behind an @ for the name of a file.
    name: `@${script.name}`,
    answers: far,
    answered,
    usedBefore,
  };
  const worker = new Worker(thread, {
    workerData: data,
    transferList: [far],
    env: {},
    argv: [],
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: LUA_WORKER_HEAP_MAX_BYTES / MB },
  });
  worker.unref();
  worker.stdout.resume();
  worker.stderr.resume();
  const calls = new AbortController();
  const ready = Promise.withResolvers<string | null>();
  let answer: ((answer: ScriptAnswer) => void) | null = null;
  let over = false;
  let askedAt = 0;
  let timer: NodeJS.Timeout;

  function end(why: string): void {
    if (over) return;
    over = true;
    clearTimeout(timer);
    calls.abort();
    near.close();
    void worker.terminate();
    ready.resolve(why);
    answer?.({ wrong: why });
    gone();
  }

  async function call(text: string): Promise<void> {
    const reply = await answerScript(text, calls.signal);
    if (over) return;
    near.postMessage(reply);
    Atomics.add(new Int32Array(answered), 0, 1);
    Atomics.notify(new Int32Array(answered), 0);
  }

  /** Only processor time counts: a machine that is busy with other things is not the script's fault. */
  async function look(): Promise<void> {
    const asked = answer;
    const used = await processorTime(worker);
    if (over || asked === null || answer !== asked) return;
    const usedMs =
      used === null
        ? performance.now() - askedAt
        : (used - new Float64Array(usedBefore)[0]) / 1_000;
    if (usedMs >= LUA_CPU_MS) end(`it took more than ${LUA_CPU_MS} ms of processor time`);
    else lookIn(LUA_CPU_MS - usedMs);
  }

  function lookIn(ms: number): void {
    timer = setTimeout(() => void look(), Math.max(ms, LOOK_MIN_MS));
  }

  worker.on('message', (message: ThreadMessage) => {
    if ('call' in message) {
      void call(message.call);
      return;
    }
    clearTimeout(timer);
    if ('answer' in message) {
      answer?.(JSON.parse(message.answer) as ScriptAnswer);
      answer = null;
    } else if (message.wrong === null) {
      ready.resolve(null);
    } else {
      end(message.wrong);
    }
  });
  worker.on('error', (error) => end(`its thread broke: ${(error as Error).message}`));
  worker.on('exit', () => end('its thread ended'));
  timer = setTimeout(
    () => end(`its thread did not start within ${LUA_START_TIMEOUT_MS} ms`),
    LUA_START_TIMEOUT_MS,
  );

  return {
    ready: ready.promise,
    ask(question) {
      const { promise, resolve } = Promise.withResolvers<ScriptAnswer>();
      answer = resolve;
      askedAt = performance.now();
      worker.postMessage(JSON.stringify(question));
      lookIn(LUA_CPU_MS);
      return promise;
    },
    end,
  };
}
