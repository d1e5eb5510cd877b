/**
 * Deadlines for very many connections: one timer looks at all of them, so that setting a deadline
 * costs a store. Cheap and coarse: a deadline is met up to two ticks late, and never early.
 */
import { DEADLINE_TICK_MS } from '../limits.ts';
import { Chain, type ChainLink } from './chain.ts';

/** What has a deadline. */
export interface Timed<Item> extends ChainLink<Item> {
  /** On the clock of its `Deadlines`; Infinity for none. */
  deadline: number;
  /** The deadline has passed. Called at each tick until it is moved or the item is deleted. */
  expired(): void;
}

export interface Deadlines<Item extends Timed<Item>> {
  /** Milliseconds since some moment, as of the last tick. */
  readonly now: number;
  /** How many there are. */
  readonly size: number;
  add(item: Item): void;
  delete(item: Item): void;
  /** Those that are there now, the oldest first. */
  list(): Item[];
  close(): void;
}

/**
 * The clock counts ticks, not the time of day: it stands still while the process is stopped or
 * blocked, so that nobody is cut off for a pause of ours.
 */
export function createDeadlines<Item extends Timed<Item>>(
  tickMs = DEADLINE_TICK_MS,
): Deadlines<Item> {
  const items = new Chain<Item>();
  let now = 0;
  const timer = setInterval(() => {
    now += tickMs;
    items.each((item) => {
      if (item.deadline < now) item.expired();
    });
  }, tickMs).unref();
  return {
    get now() {
      return now;
    },
    get size() {
      return items.size;
    },
    add: (item) => items.add(item),
    delete: (item) => void items.delete(item),
    list: () => items.list(),
    close: () => clearInterval(timer),
  };
}
