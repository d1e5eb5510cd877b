/**
 * The one ordered log of events. Publishing costs a slot of a ring and one call for each listener;
 * listeners that have slow work to do follow the log with a cursor of their own (cursor.ts) and lose
 * their own events only.
 */
import { randomBytes } from 'node:crypto';
import { EVENTS_KEPT_MAX } from '../limits.ts';
import type { EventPayloads, EventType, SallyportEvent } from './event.ts';

/** The log as those see it who only read. */
export interface EventFeed {
  /** Names this run of the process: numbers of another run mean other events. */
  readonly run: string;
  /** Number of the newest event; 0 before the first. A snapshot taken in the same turn is true at it. */
  readonly seq: number;
  /** Number of the oldest event that is kept; `seq + 1` before the first. */
  readonly first: number;
  /**
   * The events after number `seq`, oldest first, `max` of them at most. Null when some of them are no
   * longer kept, or when that number was not given out yet: the caller has to start from a snapshot.
   */
  since(seq: number, max?: number): SallyportEvent[] | null;
  /**
   * Calls `listener` for every event from now on, in order. It must return at once; what it throws
   * goes to nobody else. Returns what ends it.
   */
  listen(listener: (event: SallyportEvent) => void): () => void;
}

export interface EventLog extends EventFeed {
  /** Gives the event its number and time, and tells every listener before it returns. */
  publish<Type extends EventType>(type: Type, payload: EventPayloads[Type]): void;
  /**
   * As `publish`, for an event that was made for it, with 0 in the place of number and time: those of
   * requests and streams are many, and are not to cost an object more each.
   */
  record(event: SallyportEvent): void;
}

export interface EventLogOptions {
  /** How many events `since` can go back; with 0 there are listeners only. Default: EVENTS_KEPT_MAX. */
  readonly kept?: number;
  /** A listener threw. */
  readonly failed?: (error: unknown) => void;
}

export function createEventLog({ kept = EVENTS_KEPT_MAX, failed }: EventLogOptions = {}): EventLog {
  const run = randomBytes(4).toString('hex');
  const ring: SallyportEvent[] = [];
  const listeners = new Set<(event: SallyportEvent) => void>();
  let seq = 0;

  const log: EventLog = {
    run,

    get seq() {
      return seq;
    },

    get first() {
      return seq - ring.length + 1;
    },

    publish(type, payload) {
      log.record({ seq: 0, time: 0, type, ...payload } as SallyportEvent);
    },

    record(event) {
      const unnumbered: { seq: number; time: number } = event;
      unnumbered.seq = ++seq;
      unnumbered.time = Date.now();
      if (kept > 0) ring[(seq - 1) % kept] = event;
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (thrown) {
          failed?.(thrown);
        }
      }
    },

    since(after, max = kept) {
      if (!Number.isSafeInteger(after) || after > seq || after < seq - ring.length) return null;
      const length = Math.min(seq - after, max);
      return Array.from({ length }, (_, i) => ring[(after + i) % kept]);
    },

    listen(listener) {
      const own = (event: SallyportEvent): void => listener(event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
  return log;
}
