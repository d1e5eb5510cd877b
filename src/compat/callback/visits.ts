/** All consumers that came by the protocol's own door, whoever serves them. */
import { SallyportError } from '../../errors.ts';
import { CALLBACK_COUNTS_MS, CALLBACK_PEERS_MAX } from '../../limits.ts';
import type { Outcome } from '../../observe/access-log.ts';
import type { Heartbeat } from '../../session/heartbeat.ts';
import type { DialectHost } from '../dialect.ts';
import { createListing, type Listing } from './listing.ts';
import type { Visit, VisitEvents } from './visit.ts';

export interface Visits extends VisitEvents {
  readonly listing: Listing;
  /** Those whose streams are not over. */
  readonly active: number;
  /** Throws SERVER_BUSY when there is no room for another. */
  checkRoom(): void;
  /** From now on it is known; it calls the events. */
  add(visit: Visit): void;
  close(): void;
}

export function createVisits(host: DialectHost, heartbeat: Heartbeat): Visits {
  const listing = createListing();
  const open = new Set<Visit>();
  /** What was last told of each that got its 101, in bytes both ways. */
  const told = new Map<Visit, number>();

  const timer = setInterval(() => {
    if (!listing.followed) return;
    for (const [visit, before] of told) {
      const now = visit.bytesUp + visit.bytesDown;
      if (now === before) continue;
      told.set(visit, now);
      listing.changed(visit.request.id);
    }
  }, CALLBACK_COUNTS_MS).unref();

  return {
    listing,

    get active() {
      return open.size;
    },

    checkRoom() {
      if (open.size < CALLBACK_PEERS_MAX) return;
      const why = `${CALLBACK_PEERS_MAX} consumers are connected`;
      throw new SallyportError('SERVER_BUSY', `callback: ${why}`);
    },

    add: (visit) => void open.add(visit),

    upgraded(visit) {
      const { id, service, consumer } = visit.request;
      const connectedAt = new Date().toISOString();
      heartbeat.add(visit);
      told.set(visit, 0);
      listing.add(id, () => ({
        bytes_out: visit.bytesUp,
        bytes_in: visit.bytesDown,
        connected_at: connectedAt,
        remote_addr: consumer,
        callback_id: service,
      }));
    },

    over(visit, error) {
      open.delete(visit);
      told.delete(visit);
      listing.remove(visit.request.id);
      const { id, service, consumer } = visit.request;
      const outcome: Outcome = error === null ? 'ok' : error.code;
      host.accessLog.stream({
        id,
        service,
        consumer,
        bytesUp: visit.bytesUp,
        bytesDown: visit.bytesDown,
        ms: Math.round(performance.now() - visit.startedAt),
        outcome,
        ...(error === null ? {} : { error: error.message }),
      });
    },

    closed: (visit) => heartbeat.remove(visit),

    close() {
      clearInterval(timer);
      for (const visit of open)
        visit.close(new SallyportError('SERVER_DRAINING', 'callback: the server is shutting down'));
    },
  };
}
