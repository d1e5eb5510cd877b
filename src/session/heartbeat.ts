/**
 * Notices dead links. Any received byte is a sign of life; a session silent for half a heartbeat is
 * pinged, one silent for four halves is dead: with the default of 5 s a dead link is noticed within
 * 12.5 s. Silence is counted in ticks of this process, not in wall time, so that a suspended or
 * stalled process does not drop links whose bytes are only waiting to be read.
 */
import { SallyportError } from '../errors.ts';
import type { Session } from './session.ts';

const DEAD_AFTER_TICKS = 4;

/** What a heartbeat asks of a session. */
export type Watched = Pick<Session, 'ping' | 'takeActivity' | 'close'>;

export interface Heartbeat {
  /** Watches the session until it is removed; a dead one is closed with HEARTBEAT_LOST. */
  add(session: Watched): void;
  remove(session: Watched): void;
  close(): void;
}

/** One timer for all sessions of a process. `intervalMs`: the heartbeat. */
export function createHeartbeat(intervalMs: number): Heartbeat {
  const silent = new Map<Watched, number>();
  const tick = (): void => {
    for (const [session, ticks] of silent) {
      if (session.takeActivity()) {
        silent.set(session, 0);
      } else if (ticks + 1 >= DEAD_AFTER_TICKS) {
        silent.delete(session);
        const ms = Math.round((DEAD_AFTER_TICKS * intervalMs) / 2);
        session.close(
          new SallyportError('HEARTBEAT_LOST', `session: the other end was silent for ${ms} ms`),
        );
      } else {
        silent.set(session, ticks + 1);
        session.ping();
      }
    }
  };
  const timer = setInterval(tick, intervalMs / 2);
  timer.unref();
  return {
    add(session) {
      silent.set(session, 0);
      session.ping();
    },
    remove: (session) => void silent.delete(session),
    close: () => clearInterval(timer),
  };
}
