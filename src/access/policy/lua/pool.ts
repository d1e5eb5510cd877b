/** The threads of one script, and the questions that wait for one of them. */
import { LUA_ANSWER_TIMEOUT_MS, LUA_WORKERS_MAX, POLICY_QUESTIONS_MAX } from '../../../limits.ts';
import type { ScriptAnswer, ScriptQuestion } from './sandbox.ts';
import { startLuaWorker, type LuaWorker, type Script } from './worker.ts';

export interface LuaPool {
  /** Always resolves, at the latest after LUA_ANSWER_TIMEOUT_MS. */
  ask(question: ScriptQuestion): Promise<ScriptAnswer>;
  /** Ends all threads; questions under way are not answered by the script any more. */
  close(): void;
}

interface Waiting {
  readonly question: ScriptQuestion;
  readonly answer: (answer: ScriptAnswer) => void;
  worker: LuaWorker | null;
}

/**
 * Rejects with what is wrong with the script: an Error whose message says it. Threads are started
 * when questions wait, up to LUA_WORKERS_MAX; one that had to be ended is made up for by the next
 * question.
 */
export async function createLuaPool(script: Script): Promise<LuaPool> {
  const workers = new Set<LuaWorker>();
  const idle: LuaWorker[] = [];
  const queue: Waiting[] = [];
  let starting = 0;
  let closed = false;

  /** Answers what is wrong. */
  async function start(): Promise<string | null> {
    const worker = startLuaWorker(script, () => {
      workers.delete(worker);
      const at = idle.indexOf(worker);
      if (at >= 0) idle.splice(at, 1);
    });
    workers.add(worker);
    starting++;
    const wrong = await worker.ready;
    starting--;
    if (wrong === null) idle.push(worker);
    else if (workers.size === 0) refuseWaiting(wrong);
    pump();
    return wrong;
  }

  function pump(): void {
    while (queue.length > 0 && idle.length > 0) void give(queue.shift()!, idle.pop()!);
    const wanted = Math.min(queue.length - starting, LUA_WORKERS_MAX - workers.size);
    if (!closed) for (let i = 0; i < wanted; i++) void start();
  }

  async function give(waiting: Waiting, worker: LuaWorker): Promise<void> {
    waiting.worker = worker;
    waiting.answer(await worker.ask(waiting.question));
    if (workers.has(worker)) idle.push(worker);
    pump();
  }

  function expire(waiting: Waiting): void {
    const at = queue.indexOf(waiting);
    const why = `it did not answer within ${LUA_ANSWER_TIMEOUT_MS} ms`;
    if (at >= 0) queue.splice(at, 1);
    if (waiting.worker !== null) waiting.worker.end(why);
    else waiting.answer({ wrong: why });
  }

  function refuseWaiting(wrong: string): void {
    for (const { answer } of queue.splice(0)) answer({ wrong });
  }

  const wrong = await start();
  if (wrong !== null) throw new Error(wrong);

  return {
    ask(question) {
      if (closed) return Promise.resolve({ wrong: 'the policy is no longer in force' });
      if (queue.length >= POLICY_QUESTIONS_MAX) {
        const why = `${POLICY_QUESTIONS_MAX} questions wait for it already`;
        return Promise.resolve({ wrong: why });
      }
      const { promise, resolve } = Promise.withResolvers<ScriptAnswer>();
      const timer = setTimeout(() => expire(waiting), LUA_ANSWER_TIMEOUT_MS).unref();
      const waiting: Waiting = {
        question,
        worker: null,
        answer(answer) {
          clearTimeout(timer);
          resolve(answer);
        },
      };
      queue.push(waiting);
      pump();
      return promise;
    },

    close() {
      closed = true;
      const why = 'the policy is no longer in force';
      refuseWaiting(why);
      for (const worker of workers) worker.end(why);
    },
  };
}
