/** Waiting with a limit: a test that waits for what never comes says so and ends. */
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 10;

/** The promise's result, or a failure after `ms` milliseconds. */
export async function within<T>(ms: number, promise: Promise<T>, what = 'an answer'): Promise<T> {
  const limit = new AbortController();
  const late = pause(ms, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`waited ${ms} ms in vain for ${what}`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    limit.abort();
  }
}

/** Waits until the condition holds; gives the milliseconds it took. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 20_000,
): Promise<number> {
  const began = performance.now();
  while (!(await condition())) {
    const waited = performance.now() - began;
    if (waited > ms) throw new Error(`waited ${ms} ms in vain until ${what}`);
    await pause(POLL_MS);
  }
  return performance.now() - began;
}
