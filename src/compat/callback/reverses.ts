/** All callbackreverses of the server: each is the one upstream of the service that its id names. */
import { SallyportError } from '../../errors.ts';
import { CALLBACK_PEERS_MAX } from '../../limits.ts';
import { judgeEach } from '../../registry/rejudge.ts';
import type { ServicePolicy } from '../../registry/services.ts';
import type { Heartbeat } from '../../session/heartbeat.ts';
import type { Link } from '../../transport/link.ts';
import type { DialectHost } from '../dialect.ts';
import type { Admission, Registrant } from './admission.ts';
import { createListing, type Listing } from './listing.ts';
import { ReverseSession } from './reverse-session.ts';

export interface Reverses {
  /** By id, in the order they came. */
  readonly listing: Listing;
  /** Throws why the id cannot be had: NAME_TAKEN, SERVER_BUSY. */
  check(id: string): void;
  /** Serves the id from now on. Throws what `check` throws. */
  join(registrant: Registrant, link: Link): void;
  /** Ends those that may no longer hold their id; of a policy that needs time, until `signal` fires. */
  rejudge(admission: Admission, signal: AbortSignal): void;
  close(): void;
}

/** First come, first served. */
const policy: ServicePolicy = { kind: 'tcp', exclusive: 'first', balance: 'round-robin' };

interface Reverse {
  registrant: Registrant;
  readonly reverse: ReverseSession;
  consumers: number;
}

export function createReverses(host: DialectHost, heartbeat: Heartbeat): Reverses {
  const { registry, events, log } = host;
  const listing = createListing();
  const reverses = new Map<string, Reverse>();
  let sessions = 0;

  const stopCounting = events.listen((event) => {
    if (event.type !== 'stream.opened' && event.type !== 'stream.closed') return;
    const reverse = reverses.get(event.service);
    if (reverse === undefined) return;
    reverse.consumers = Math.max(0, reverse.consumers + (event.type === 'stream.opened' ? 1 : -1));
    listing.changed(event.service);
  });

  function check(id: string): void {
    if (reverses.size >= CALLBACK_PEERS_MAX)
      throw new SallyportError('SERVER_BUSY', `callback: ${CALLBACK_PEERS_MAX} are connected`);
    registry.check(id, policy);
  }

  return {
    listing,
    check,

    join(registrant, link) {
      const { id, identity, peer } = registrant;
      check(id);
      const session = `callback-${++sessions}`;
      const name = identity?.name ?? '-';
      const client = {
        session,
        role: 'agent',
        identity: name,
        peer,
        protocol: 'callback',
      } as const;
      const leave = (): void => {
        // By the entry itself: the id may be another's by now.
        if (reverses.get(id) !== entry) return;
        reverses.delete(id);
        registry.leave(id, reverse.upstream);
        listing.remove(id);
        events.publish('service.down', { service: id, session, identity: name });
      };
      const reverse = new ReverseSession(session, link, {
        leaving: leave,
        over(error) {
          heartbeat.remove(reverse.session);
          leave();
          events.publish('client.down', { ...client, reason: error?.code ?? 'ok' });
          const why = error === null ? {} : { code: error.code, error: error.message };
          log.info({ id, peer, ...why }, 'callback session ended');
        },
      });
      const connectedAt = new Date().toISOString();
      const entry: Reverse = { registrant, reverse, consumers: 0 };
      reverses.set(id, entry);
      events.publish('client.up', client);
      registry.join(id, reverse.upstream, policy);
      events.publish('service.up', { service: id, kind: 'tcp', session, identity: name, urls: [] });
      listing.add(id, () => ({
        callback_id: id,
        connected_at: connectedAt,
        remote_addr: peer,
        num_clients: entry.consumers,
      }));
      heartbeat.add(reverse.session);
      log.info({ id, peer }, 'callback session established');
    },

    rejudge(admission, signal) {
      judgeEach(reverses.values(), {
        judge(entry) {
          const { registrant } = entry;
          entry.registrant = { ...registrant, identity: admission.recheck(registrant) };
          return admission.permit(entry.registrant);
        },
        refuse: ({ reverse }, error) => reverse.session.close(error),
        signal,
      });
    },

    close() {
      stopCounting();
      for (const { reverse } of reverses.values()) reverse.session.close(null);
    },
  };
}
