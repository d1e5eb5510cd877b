/**
 * Notices dead links. Any received byte is a sign of life; a session silent for some halves of a heartbeat
 * is pinged, one silent for four is dead: with the default of 5 s a dead link is noticed within
 * 12.5 s. Silence is counted in ticks of this process, not in wall time, so that a suspended or
 * stalled process does not drop links whose bytes are only waiting to be read.
 */
import { SallyportError } from '../errors.ts';
import type { Session } from './session.ts';

const DEAD_AFTER_TICKS = 4;
/** A session that rests is asked this often at least, for the round trip, though its other end does the asking. */
const MEASURE_TICKS = 12;

/** What a heartbeat asks of a session. */
export type Watched = Pick<Session, 'ping' | 'takeActivity' | 'close'>;

export interface Heartbeat {
  /** Watches the session until it is removed; a dead one is closed with HEARTBEAT_LOST. */
  add(session: Watched): void;
  remove(session: Watched): void;
  close(): void;
}

/** In halves of a heartbeat: how long nothing has come, and since when nothing was asked. */
interface Pulse {
  silent: number;
  unasked: number;
}

/**
 * One timer for all sessions of a process. `intervalMs`: the heartbeat. `askAfter`: how many halves of it
 * a session is silent before it is asked. A question and its answer are a sign of life for both ends, so
 * the one that waits longer hardly ever has to ask. Default: 1.
 */
export function createHeartbeat(intervalMs: number, askAfter: 1 | 2 = 1): Heartbeat {
  const watched = new Map<Watched, Pulse>();
  const ask = (session: Watched, pulse: Pulse): void => {
    pulse.unasked = 0;
    session.ping();
  };
  const tick = (): void => {
    for (const [session, pulse] of watched) {
      pulse.unasked++;
      if (session.takeActivity()) {
        pulse.silent = 0;
      } else if (++pulse.silent >= DEAD_AFTER_TICKS) {
        watched.delete(session);
        const ms = Math.round((DEAD_AFTER_TICKS * intervalMs) / 2);
        session.close(
          new SallyportError('HEARTBEAT_LOST', `session: the other end was silent for ${ms} ms`),
        );
      } else if (pulse.silent >= askAfter || pulse.unasked >= MEASURE_TICKS) {
        ask(session, pulse);
      }
    }
  };
  const timer = setInterval(tick, intervalMs / 2);
  timer.unref();
  return {
    add(session) {
      const pulse = { silent: 0, unasked: 0 };
      watched.set(session, pulse);
      ask(session, pulse);
    },
    remove: (session) => void watched.delete(session),
    close: () => clearInterval(timer),
  };
}
