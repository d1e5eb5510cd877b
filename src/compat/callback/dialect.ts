/**
 * The server of the tool «callback»: its callbackreverses become services under their ids, and its
 * callbackproxies consumers of any service they may reach. See README.md beside this.
 */
import { CALLBACK_AWAY_MS, CALLBACK_HEARTBEAT_MS, PENDING_STREAMS_MAX } from '../../limits.ts';
import { createGlobs } from '../../net/glob.ts';
import { createWaitingRoom } from '../../registry/waiting-room.ts';
import { createHeartbeat } from '../../session/heartbeat.ts';
import type { DialectFactory } from '../dialect.ts';
import { createAdmission } from './admission.ts';
import type { ChangesReader } from './changes.ts';
import { createDoors } from './doors.ts';
import { createEndpoints } from './endpoints.ts';
import { checkContextPath } from './paths.ts';
import { createReverses } from './reverses.ts';
import { createVisits } from './visits.ts';

export interface CallbackOptions {
  /** Globs of ids that peers without credentials may register and reach. Default: none. */
  readonly open?: readonly string[];
  /** Put before every path: empty, or with a slash at its beginning and none at its end. */
  readonly contextPath?: string;
  /** How long a consumer is held while the callbackreverse of its id is away. Default: 3 s; 0: not at all. */
  readonly awayMs?: number;
  /** Serve the page of the older tool too, at `/` and under `/static/`. Default: false. */
  readonly page?: boolean;
  /** Time between signs of life. Default: CALLBACK_HEARTBEAT_MS. */
  readonly heartbeatMs?: number;
}

/** The factory throws CONFIG_INVALID for a context path that is none. */
export function createCallbackDialect(options: CallbackOptions = {}): DialectFactory {
  const { open = [], contextPath = '', awayMs = CALLBACK_AWAY_MS, page = false } = options;
  return (host) => {
    checkContextPath(contextPath);
    const heartbeat = createHeartbeat(options.heartbeatMs ?? CALLBACK_HEARTBEAT_MS);
    const admission = createAdmission(host, createGlobs(open));
    const room = createWaitingRoom(() => ({
      holdMs: awayMs,
      queue: PENDING_STREAMS_MAX,
      answer: 503,
    }));
    const stopListening = host.events.listen((event) => {
      if (event.type === 'service.up') room.arrived(event.service);
    });
    const reverses = createReverses(host, heartbeat);
    const visits = createVisits(host, heartbeat);
    const readers = new Set<ChangesReader>();
    let draining = false;
    let judging = new AbortController();
    const doors = createDoors({
      host,
      admission,
      reverses,
      visits,
      room,
      draining: () => draining,
    });
    const listings = { callback: reverses.listing, connect: visits.listing };

    return {
      name: 'callback',
      endpoints: createEndpoints({ contextPath, page, admission, doors, listings, readers }),
      get active() {
        return visits.active;
      },
      rejudge() {
        judging.abort();
        judging = new AbortController();
        reverses.rejudge(admission, judging.signal);
      },
      drain() {
        draining = true;
        for (const reader of readers) reader.end();
        room.close();
      },
      close() {
        judging.abort();
        visits.close();
        reverses.close();
        for (const reader of readers) reader.end();
        room.close();
        stopListening();
        heartbeat.close();
      },
    };
  };
}
