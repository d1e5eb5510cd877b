/** The pauses between attempts to dial: doubling, and spread so that many diallers do not come as one. */
import { RECONNECT_MAX_MS, RECONNECT_MIN_MS } from '../limits.ts';

export interface Backoff {
  /** Milliseconds to wait before the next attempt: the step, or less by what was drawn by lot. */
  next(): number;
  /** An attempt succeeded: the steps begin anew. */
  reset(): void;
}

export interface BackoffOptions {
  /** The first step, in milliseconds. */
  readonly min?: number;
  /** The step that is never exceeded, in milliseconds. */
  readonly max?: number;
  /** The part of each pause that is drawn by lot, from 0 to 1. Default: half. */
  readonly jitter?: number;
  /** A number in [0, 1). */
  readonly random?: () => number;
}

/**
 * A part of each pause is drawn by lot. Without it the agents of a restarted server would all be back
 * in the same millisecond, again and again.
 */
export function createBackoff(options: BackoffOptions = {}): Backoff {
  const { min = RECONNECT_MIN_MS, max = RECONNECT_MAX_MS, jitter = 0.5 } = options;
  const { random = Math.random } = options;
  let step = min;
  return {
    next() {
      const pause = step * (1 - jitter + jitter * random());
      step = Math.min(step * 2, max);
      return pause;
    },
    reset() {
      step = min;
    },
  };
}
