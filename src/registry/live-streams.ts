/** The streams that are open now: for lists, for kicking one, and for ending those of an identity. */
import type { Identity } from '../access/identity.ts';
import type { SallyportError } from '../errors.ts';
import { Chain, type ChainLink } from '../net/chain.ts';
import type { Stream } from '../session/session.ts';
import type { StreamRequest, Upstream } from './upstream.ts';

export interface LiveStream extends ChainLink<LiveStream> {
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
  delete(live: LiveStream): void;
  /** Those that are open now, the oldest first. */
  list(): LiveStream[];
  find(id: string): LiveStream | undefined;
  /** Ends one: both its ends are told the error. One that is over stays as it is. */
  kick(live: LiveStream, error: SallyportError): void;
  /** The upstream serves the service no more: its streams of that service hear of it. */
  left(service: string, upstream: Upstream): void;
  readonly count: number;
}

export function createLiveStreams(): LiveStreams {
  const streams = new Chain<LiveStream>();
  return {
    add: (live) => streams.add(live),
    delete: (live) => void streams.delete(live),
    list: () => streams.list(),
    find: (id) => streams.find(({ request }) => request.id === id),

    kick({ stream }, error) {
      if (stream.over) return;
      const { receiver } = stream;
      stream.reset(error);
      receiver.reset(error);
    },

    left(service, upstream) {
      // A session that ended has none left: a thousand that end at once look through nothing.
      if (upstream.streams === 0) return;
      for (const live of streams.list())
        if (live.upstream === upstream && live.request.service === service) live.upstreamLeft();
    },

    get count() {
      return streams.size;
    },
  };
}
