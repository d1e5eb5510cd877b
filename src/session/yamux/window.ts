/**
 * The receive window of one stream: how much the peer may send, when to credit it, and how far the
 * window may grow. A window grows only while its reader keeps up, so a stalled reader pins no more
 * than the window it had earned, and the growth of all windows together is bounded.
 */
import {
  CREDIT_MAX_BYTES,
  INITIAL_WINDOW_BYTES,
  PROCESS_WINDOW_GROWTH_BYTES,
  SESSION_WINDOW_GROWTH_BYTES,
  STREAM_WINDOW_MAX_BYTES,
  WINDOW_GROWTH_FLOOR_MS,
  WINDOW_GROWTH_ROUND_TRIPS,
} from '../../limits.ts';

/** What the windows of one session have grown by. */
export interface WindowBudget {
  grown: number;
}

let processGrown = 0;

export class ReceiveWindow {
  /** Bytes the peer may still send. */
  open = INITIAL_WINDOW_BYTES;
  #size = INITIAL_WINDOW_BYTES;
  #consumed = 0;
  #sinceGrowthCheck = 0;
  #checkStarted = 0;

  /** The reader is done with `n` bytes. Returns the increment to send now, or 0 to wait for more. */
  consume(n: number, rttMs: number, budget: WindowBudget): number {
    this.#consumed += n;
    if (this.#consumed < Math.min(this.#size >> 1, CREDIT_MAX_BYTES)) return 0;
    const increment = this.#consumed + this.#grow(rttMs, budget);
    this.#consumed = 0;
    this.open += increment;
    return increment;
  }

  /** By how much the window grows now: it doubles when it was used up within a few round trips. */
  #grow(rttMs: number, budget: WindowBudget): number {
    this.#sinceGrowthCheck += this.#consumed;
    if (this.#sinceGrowthCheck < this.#size) return 0;
    const now = performance.now();
    const took = now - this.#checkStarted;
    this.#checkStarted = now;
    this.#sinceGrowthCheck = 0;
    if (took > Math.max(WINDOW_GROWTH_ROUND_TRIPS * rttMs, WINDOW_GROWTH_FLOOR_MS)) return 0;
    const growth = Math.min(this.#size, STREAM_WINDOW_MAX_BYTES - this.#size);
    if (budget.grown + growth > SESSION_WINDOW_GROWTH_BYTES) return 0;
    if (processGrown + growth > PROCESS_WINDOW_GROWTH_BYTES) return 0;
    this.#size += growth;
    budget.grown += growth;
    processGrown += growth;
    return growth;
  }

  /** The stream is gone: its growth is free for others. */
  release(budget: WindowBudget): void {
    const growth = this.#size - INITIAL_WINDOW_BYTES;
    budget.grown -= growth;
    processGrown -= growth;
    this.#size = INITIAL_WINDOW_BYTES;
  }
}
