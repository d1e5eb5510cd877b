/** The streams that are open now: for lists, for kicking one, and for ending those of an identity. */
import type { Identity } from '../access/identity.ts';
import type { SallyportError } from '../errors.ts';
import type { Stream } from '../session/session.ts';
import type { StreamRequest, Upstream } from './upstream.ts';

export interface LiveStream {
  readonly request: StreamRequest;
  readonly stream: Stream;
  /** Who asked for it, as he is known by now; null when nobody has said. */
  identity: Identity | null;
  /** False while it is being found out who asks. */
  readonly known: boolean;
  /** Who serves it; null while it waits for that. */
  readonly upstream: Upstream | null;
  /** Milliseconds since 1970, UTC. */
  readonly openedAt: number;
  /** Its upstream serves the service no more. */
  upstreamLeft(): void;
}

export interface LiveStreams {
  add(live: LiveStream): void;
  delete(id: string): void;
  /** Oldest first. */
  list(): IterableIterator<LiveStream>;
  /** Ends one: both its ends are told the error. False when there is no such stream. */
  kick(id: string, error: SallyportError): boolean;
  /** The upstream serves the service no more: its streams of that service hear of it. */
  left(service: string, upstream: Upstream): void;
  readonly count: number;
}

export function createLiveStreams(): LiveStreams {
  const streams = new Map<string, LiveStream>();
  return {
    add: (live) => void streams.set(live.request.id, live),
    delete: (id) => void streams.delete(id),
    list: () => streams.values(),

    kick(id, error) {
      const live = streams.get(id);
      if (live === undefined) return false;
      const { receiver } = live.stream;
      live.stream.reset(error);
      receiver.reset(error);
      return true;
    },

    left(service, upstream) {
      // A session that ended has none left: a thousand that end at once look through nothing.
      if (upstream.streams === 0) return;
      for (const live of streams.values())
        if (live.upstream === upstream && live.request.service === service) live.upstreamLeft();
    },

    get count() {
      return streams.size;
    },
  };
}
