/** Waiting for running work to end. */
import { setTimeout as pause } from 'node:timers/promises';
import { DRAIN_POLL_MS } from '../limits.ts';

/** Resolves when `running()` is 0, or when the grace time is over: with what still ran. */
export async function drained(running: () => number, graceMs: number): Promise<number> {
  const deadline = performance.now() + graceMs;
  while (running() > 0 && performance.now() < deadline) await pause(DRAIN_POLL_MS);
  return running();
}
