/**
 * A reader's place in the log. The log's ring is the queue of every reader: one that is slow costs
 * nothing but its own events, and is told how many it missed.
 */
import { EVENT_BATCH_MAX, EVENT_GATHER_MS } from '../limits.ts';
import type { SallyportEvent } from './event.ts';
import type { EventFilter } from './filter.ts';
import type { EventFeed } from './log.ts';

export interface EventBatch {
  /** Events that went by unread before these. The filter was not asked about them. */
  readonly missed: number;
  /** In order, EVENT_BATCH_MAX at most. Empty only after some were missed. */
  readonly events: readonly SallyportEvent[];
}

export interface EventCursor {
  /** The number up to which everything was given out, passed over by the filter, or missed. */
  readonly seq: number;
  /** How many events there are to come until now, whatever the filter says of them. */
  readonly behind: number;
  /**
   * What comes next, soon after there is something: what comes within EVENT_GATHER_MS, together.
   * Null after `end` once everything is read, and after `close`. One call at a time.
   */
  next(): Promise<EventBatch | null>;
  /** What is published from now on is not read any more; what was before still is. */
  end(): void;
  /** Nothing more is given out. */
  close(): void;
}

export interface EventCursorOptions {
  /** Starts after this number, which the log must have given out. Default: the newest. */
  readonly after?: number;
  readonly filter?: EventFilter;
}

const everything: EventFilter = () => true;

export function createEventCursor(
  log: EventFeed,
  { after = log.seq, filter = everything }: EventCursorOptions = {},
): EventCursor {
  let seq = after;
  let last = Infinity;
  let wake: (() => void) | null = null;
  let gathering: NodeJS.Timeout | null = null;

  function rouse(): void {
    clearTimeout(gathering ?? undefined);
    gathering = null;
    wake?.();
    wake = null;
  }
  const deaf = log.listen(() => {
    if (wake !== null) gathering ??= setTimeout(rouse, EVENT_GATHER_MS);
  });

  /** Null when there is nothing to tell yet. */
  function read(): EventBatch | null {
    const missed = Math.max(0, Math.min(log.first - 1, last) - seq);
    seq += missed;
    while (seq < Math.min(log.seq, last)) {
      const found = log.since(seq, Math.min(EVENT_BATCH_MAX, last - seq))!;
      seq += found.length;
      const events = found.filter(filter);
      if (events.length > 0 || missed > 0) return { missed, events };
    }
    return missed > 0 ? { missed, events: [] } : null;
  }

  function stop(at: number): void {
    last = Math.min(last, at);
    deaf();
    rouse();
  }

  return {
    get seq() {
      return seq;
    },

    get behind() {
      return Math.max(0, Math.min(log.seq, last) - seq);
    },

    async next() {
      for (;;) {
        if (seq >= last) return null;
        const batch = read();
        if (batch !== null) return batch;
        if (seq >= last) return null;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },

    end: () => stop(log.seq),
    close: () => stop(0),
  };
}
