/**
 * Clients that speak other tools' protocols, as their events tell of them: so that lists agree with
 * events, whatever the protocol. Each dialect bounds how many it takes.
 */
import type { ClientEvent } from '../events/event.ts';
import type { EventFeed } from '../events/log.ts';

export interface DialectClient extends ClientEvent {
  /** Milliseconds since 1970, UTC. */
  readonly attachedAt: number;
}

export interface DialectClients {
  /** Oldest first. */
  list(): Iterable<DialectClient>;
  get(session: string): DialectClient | undefined;
  close(): void;
}

/** Follows the events from now on. */
export function createDialectClients(events: Pick<EventFeed, 'listen'>): DialectClients {
  const clients = new Map<string, DialectClient>();
  const stop = events.listen((event) => {
    if (event.type === 'client.down') clients.delete(event.session);
    if (event.type !== 'client.up' || event.protocol === 'sallyport') return;
    const { session, role, identity, peer, protocol, time } = event;
    clients.set(session, { session, role, identity, peer, protocol, attachedAt: time });
  });
  return {
    list: () => clients.values(),
    get: (session) => clients.get(session),
    close: stop,
  };
}
