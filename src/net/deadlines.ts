/**
 * Deadlines for very many connections: one timer looks at all of them, so that setting a deadline
 * costs a store. Cheap and coarse: a deadline is met up to two ticks late, and never early.
 */
import { DEADLINE_TICK_MS } from '../limits.ts';

/** What has a deadline. */
export interface Timed {
  /** On the clock of its `Deadlines`; Infinity for none. */
  deadline: number;
  /** The deadline has passed. Called at each tick until it is moved or the item is deleted. */
  expired(): void;
}

export interface Deadlines {
  /** Milliseconds since some moment, as of the last tick. */
  readonly now: number;
  add(item: Timed): void;
  delete(item: Timed): void;
  close(): void;
}

/**
 * The clock counts ticks, not the time of day: it stands still while the process is stopped or
 * blocked, so that nobody is cut off for a pause of ours.
 */
export function createDeadlines(tickMs = DEADLINE_TICK_MS): Deadlines {
  const items = new Set<Timed>();
  let now = 0;
  const timer = setInterval(() => {
    now += tickMs;
    for (const item of items) if (item.deadline < now) item.expired();
  }, tickMs).unref();
  return {
    get now() {
      return now;
    },
    add: (item) => void items.add(item),
    delete: (item) => void items.delete(item),
    close() {
      clearInterval(timer);
      items.clear();
    },
  };
}
