/**
 * The server of WStunnel as a dialect: each rendez-vous token is a service, and the agents that come
 * with it serve that. Its requests are those of public HTTP: they wait, are limited, logged and
 * authorised like any other.
 */
import { SallyportError } from '../../errors.ts';
import { demand } from '../../access/policy/demand.ts';
import type { Peer } from '../../ingress/http/peer.ts';
import {
  WSTUNNEL_HELD_MAX_BYTES,
  WSTUNNEL_SILENCE_MS,
  WSTUNNEL_TUNNELS_MAX,
  WSTUNNEL_WAIT_MS,
  WSTUNNEL_WAITING_MAX,
} from '../../limits.ts';
import { judgeEach } from '../../registry/rejudge.ts';
import type { ServicePolicy } from '../../registry/services.ts';
import { createHeartbeat } from '../../session/heartbeat.ts';
import type { WebSocketLink } from '../../transport/websocket/link.ts';
import type { DialectFactory } from '../dialect.ts';
import { createEndpoints, type Join } from './endpoints.ts';
import { createHeldBytes } from './held-bytes.ts';
import type { NamedToken } from './named-token.ts';
import { statsText } from './stats.ts';
import { createTokens, type TokenEntry } from './tokens.ts';
import { Tunnel } from './tunnel.ts';

export interface WstunnelServerOptions {
  /** Services by their tokens. */
  readonly tokens?: readonly NamedToken[];
  /** Whoever comes with a token that is long enough has a service of its own, as the original has it. Default: false. */
  readonly open?: boolean;
  /** The server does nothing else. Default: false. */
  readonly alone?: boolean;
  /** An agent that is silent for so long has gone. Default: WSTUNNEL_SILENCE_MS. */
  readonly silenceMs?: number;
  /** How long requests wait for an agent that is away. Default: WSTUNNEL_WAIT_MS. */
  readonly waitMs?: number;
}

/** All agents of a token share its requests. */
const policy: ServicePolicy = { kind: 'http', exclusive: null, balance: 'least-streams' };

interface Member {
  readonly tunnel: Tunnel;
  readonly entry: TokenEntry;
  readonly peer: string;
}

/** The factory throws USAGE or HOST_TAKEN for a token or a name that cannot be had. */
export function createWstunnelServer(options: WstunnelServerOptions = {}): DialectFactory {
  const { tokens: named = [], open = false, alone = false } = options;
  return (host) => {
    const { registry, events, log } = host;
    // It asks for signs of life before: dead after two of its intervals.
    const heartbeat = createHeartbeat((options.silenceMs ?? WSTUNNEL_SILENCE_MS) / 2);
    const held = createHeldBytes(WSTUNNEL_HELD_MAX_BYTES);
    const tokens = createTokens(host, named, open);
    const members = new Set<Member>();
    const whenAbsent = {
      holdMs: options.waitMs ?? WSTUNNEL_WAIT_MS,
      queue: WSTUNNEL_WAITING_MAX,
      answer: 504,
      words: {
        full: 'Too many requests in-flight, tunnel broken?',
        late: 'Timeout before forwarding the request',
      },
    };
    let lastId = 0;
    let draining = false;
    let judging = new AbortController();

    if (open)
      log.warn(
        {},
        'wstunnel: any token of 16 characters may be registered by whoever comes with it',
      );

    function checkRoom(): void {
      if (draining)
        throw new SallyportError('SERVER_DRAINING', 'wstunnel: the server is shutting down');
      if (members.size >= WSTUNNEL_TUNNELS_MAX)
        throw new SallyportError(
          'SERVER_BUSY',
          `wstunnel: ${WSTUNNEL_TUNNELS_MAX} tunnels are open`,
        );
    }

    function permit({ service }: TokenEntry, peer: string): Promise<void> | undefined {
      const question = { service, target: null, consumer: peer, key: null };
      return demand(host.policy, { action: 'register', identity: null, ...question });
    }

    function join(entry: TokenEntry, peer: string, link: WebSocketLink): void {
      const { service } = entry;
      const session = `w${++lastId}`;
      const client = { session, role: 'agent', identity: '-', peer, protocol: 'wstunnel' } as const;
      entry.activeAt = performance.now();
      const tunnel = new Tunnel(session, link, held, {
        active: () => void (entry.activeAt = performance.now()),
        asked: (consumer) => void (entry.consumer = consumer),
        closed(error) {
          heartbeat.remove(tunnel);
          members.delete(member);
          entry.tunnels.delete(tunnel);
          registry.leave(service, tunnel);
          events.publish('service.down', { service, session, identity: '-' });
          events.publish('client.down', { ...client, reason: error?.code ?? 'ok' });
          const why = error === null ? {} : { code: error.code, error: error.message };
          log.info({ service, session, peer, ...why }, 'wstunnel agent left');
        },
      });
      const member: Member = { tunnel, entry, peer };
      members.add(member);
      entry.tunnels.set(tunnel, { peer });
      heartbeat.add(tunnel);
      events.publish('client.up', client);
      registry.join(service, tunnel, policy);
      events.publish('service.up', { service, kind: 'http', session, identity: '-', urls: [] });
      log.info({ service, session, peer }, 'wstunnel agent came');
    }

    function admit(token: string, { address, text: peer }: Peer): Join | Promise<Join> {
      checkRoom();
      const entry = tokens.admit(token, address);
      const joined: Join = (link) => join(entry, peer, link);
      registry.check(entry.service, policy);
      const permitted = permit(entry, peer);
      return permitted === undefined
        ? joined
        : permitted.then(() => {
            checkRoom();
            registry.check(entry.service, policy);
            return joined;
          });
    }

    return {
      name: 'wstunnel',
      endpoints: createEndpoints({
        alone,
        admit,
        has: (service) => tokens.has(service),
        stats: (local) => statsText(tokens.list(), host.room, local),
      }),
      get active() {
        return [...members].reduce((sum, { tunnel }) => sum + tunnel.streams, 0);
      },
      whenAbsent: (service) => (tokens.has(service) ? whenAbsent : null),
      rejudge() {
        judging.abort();
        judging = new AbortController();
        judgeEach(members.values(), {
          judge: ({ entry, peer }) => permit(entry, peer),
          refuse: ({ tunnel }, error) => tunnel.close(error),
          signal: judging.signal,
        });
      },
      drain: () => void (draining = true),
      close() {
        judging.abort();
        tokens.close();
        heartbeat.close();
        for (const { tunnel } of members) tunnel.close(null);
      },
    };
  };
}
