/**
 * Where streams wait for an agent that is away. Each keeps its connection open and its body unread;
 * when an agent comes they go out, in the order they came, once.
 */
import { SallyportError } from '../errors.ts';

/** What a service wants done while no agent is there. */
export interface WhenAbsent {
  /** How long a stream waits, in milliseconds; 0: not at all. */
  readonly holdMs: number;
  /** How many may wait at once. */
  readonly queue: number;
  /** HTTP status of those that waited in vain, if at all, or found the queue full: 500 to 599. */
  readonly answer: number;
  /** What those two are told, where another tool's users know it in its words. */
  readonly words?: { readonly full: string; readonly late: string };
}

export interface Place {
  /** An agent has come, or the place was left. Rejects with SERVICE_ABSENT when none came in time. */
  readonly arrived: Promise<void>;
  /** Frees the place. */
  leave(): void;
}

export interface WaitingRoom {
  /**
   * Takes a place for the service, until `until` on the clock of `performance.now` where an earlier
   * wait has set that. Null: nothing is said about the service. Throws SERVICE_ABSENT where its streams
   * do not wait, and when the queue is full.
   */
  enter(service: string, until?: number): (Place & { readonly until: number }) | null;
  /** An agent of the service is there. */
  arrived(service: string): void;
  /** Streams that wait for an agent of the service. */
  waitingFor(service: string): number;
  /** Streams that wait, in all queues. */
  readonly waiting: number;
  /** Everybody is refused. */
  close(): void;
}

interface Waiting {
  leave(): void;
  refuse(why: string): void;
}

export function createWaitingRoom(rule: (service: string) => WhenAbsent | null): WaitingRoom {
  const queues = new Map<string, Set<Waiting>>();

  function enter(service: string, until?: number) {
    const wish = rule(service);
    if (wish === null) return null;
    if (wish.holdMs === 0) throw absent(service, 'no agent is connected', wish);
    const queue = queues.get(service) ?? new Set<Waiting>();
    if (queue.size >= wish.queue) {
      const full = `no agent is connected, and ${wish.queue} others wait`;
      throw absent(service, wish.words?.full ?? full, wish);
    }
    const now = performance.now();
    const end = until ?? now + wish.holdMs;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      clearTimeout(timer);
      queue.delete(waiting);
      if (queue.size === 0 && queues.get(service) === queue) queues.delete(service);
      resolve();
    };
    const waiting: Waiting = {
      leave,
      refuse(why) {
        reject(absent(service, why, wish));
        leave();
      },
    };
    const timer = setTimeout(
      () => waiting.refuse(wish.words?.late ?? `no agent came within ${wish.holdMs} ms`),
      Math.max(0, end - now),
    );
    queues.set(service, queue.add(waiting));
    return { arrived: promise, leave, until: end };
  }

  return {
    enter,

    arrived(service) {
      for (const waiting of queues.get(service) ?? []) waiting.leave();
    },

    waitingFor: (service) => queues.get(service)?.size ?? 0,

    get waiting() {
      let waiting = 0;
      for (const { size } of queues.values()) waiting += size;
      return waiting;
    },

    close() {
      for (const queue of queues.values())
        for (const waiting of queue) waiting.refuse('the server is shutting down');
    },
  };
}

function absent(service: string, why: string, { answer }: WhenAbsent): SallyportError {
  return new SallyportError('SERVICE_ABSENT', `service ${service}: ${why}`, { http: answer });
}
