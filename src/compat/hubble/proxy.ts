/**
 * The Hubble proxy as a dialect of the server: agents of that tool become services and consumers.
 * A name belongs to its latest holder, and leaving takes only the leaver's own away.
 */
import { asSallyportError, SallyportError } from '../../errors.ts';
import { EXPIRY_CHECK_MS, HUBBLE_HEARTBEAT_MS, SESSIONS_MAX } from '../../limits.ts';
import { judgeEach } from '../../registry/rejudge.ts';
import type { ServicePolicy } from '../../registry/services.ts';
import { createHeartbeat } from '../../session/heartbeat.ts';
import type { DialectFactory } from '../dialect.ts';
import { createAdmission } from './admission.ts';
import { openAsked } from './asked-session.ts';
import { createDoor } from './door.ts';
import { Gateway, type GatewayHost } from './gateway.ts';
import type { Initiator } from './messages.ts';

export interface HubbleProxyOptions {
  /**
   * `key`: the key of an agent's handshake has to be a token of the server, whose scopes then count.
   * `none`: every agent may take every name that no other client of the server holds, as the
   * originals have it.
   */
  readonly auth: 'key' | 'none';
  /** The server does nothing else. Default: false. */
  readonly alone?: boolean;
  /** Between signs of life. Default: HUBBLE_HEARTBEAT_MS. */
  readonly heartbeatMs?: number;
}

/** `first`: a native agent never gives way to a Hubble one, nor the other way round. */
const policy: ServicePolicy = { kind: 'tcp', exclusive: 'first', balance: 'round-robin' };

export function createHubbleProxy(options: HubbleProxyOptions): DialectFactory {
  return (host) => {
    const { registry, events, log, gate, accessLog } = host;
    const heartbeat = createHeartbeat(options.heartbeatMs ?? HUBBLE_HEARTBEAT_MS);
    const admission = createAdmission(host, options.auth);
    const all = new Set<Gateway>();
    const holders = new Map<string, Gateway>();
    const initiators = new Map<string, Initiator>();
    const asked = { gate, accessLog, newId: host.newId, initiators };
    let lastId = 0;
    let draining = false;

    if (options.auth === 'none')
      log.warn(
        {},
        'hubble: agents need no key; any may take any free name and reach every service',
      );

    const house: GatewayHost = {
      async admit(gateway, handshake) {
        if (draining) throw leaving();
        await admission.admit(gateway, handshake);
      },

      check({ name }) {
        if (draining) throw leaving();
        if (!holders.has(name)) registry.check(name, policy);
      },

      welcomed(gateway) {
        const { id, name, peer } = gateway;
        const before = holders.get(name);
        if (before !== undefined) {
          registry.leave(name, before);
          log.warn(
            { gateway: name, peer, before: before.peer },
            'hubble gateway took over the name',
          );
        }
        holders.set(name, gateway);
        heartbeat.add(gateway.mux.link);
        registry.join(name, gateway, policy);
        log.info({ gateway: name, session: id, peer }, 'hubble gateway registered');
        const identity = gateway.identity?.name ?? '-';
        events.publish('client.up', clientOf(gateway));
        const service = { service: name, kind: 'tcp', session: id, identity, urls: [] } as const;
        events.publish('service.up', service);
      },

      asked(gateway, initiator) {
        if (draining) gateway.mux.sendAck(initiator.guid, leaving().message);
        else openAsked(gateway, initiator, asked);
      },

      takeInitiator({ id }) {
        const initiator = initiators.get(id);
        initiators.delete(id);
        return initiator;
      },

      gone(gateway, error) {
        const { id, name, peer } = gateway;
        const identity = gateway.identity?.name ?? '-';
        all.delete(gateway);
        heartbeat.remove(gateway.mux.link);
        const why = error === null ? {} : { code: error.code, error: error.message };
        if (!gateway.serving) return log.info({ peer, ...why }, 'hubble agent not taken');
        if (holders.get(name) === gateway) {
          holders.delete(name);
          registry.leave(name, gateway);
          events.publish('service.down', { service: name, session: id, identity });
        }
        log.info({ gateway: name, session: id, peer, ...why }, 'hubble gateway unregistered');
        events.publish('client.down', { ...clientOf(gateway), reason: error?.code ?? 'ok' });
      },
    };

    function judgeKeys(): void {
      for (const gateway of all) {
        try {
          if (gateway.serving) admission.recheck(gateway);
        } catch (thrown) {
          gateway.mux.close(asSallyportError(thrown));
        }
      }
    }
    const expiry = setInterval(judgeKeys, EXPIRY_CHECK_MS).unref();
    let judging = new AbortController();

    return {
      name: 'hubble',
      endpoints: createDoor({
        alone: options.alone ?? false,
        check() {
          if (draining) throw leaving();
          if (all.size >= SESSIONS_MAX)
            throw new SallyportError('SERVER_BUSY', `hubble: ${SESSIONS_MAX} agents are connected`);
        },
        entered(link, peer) {
          all.add(new Gateway(`h${++lastId}`, link, peer, house));
        },
      }),
      get active() {
        return [...all].reduce((sum, { streams }) => sum + streams, 0);
      },
      rejudge() {
        judging.abort();
        judging = new AbortController();
        judgeKeys();
        judgeEach(all.values(), {
          judge: (gateway) => (gateway.serving ? admission.permit(gateway) : undefined),
          refuse: ({ mux }, error) => mux.close(error),
          signal: judging.signal,
        });
      },
      drain: () => void (draining = true),
      close() {
        judging.abort();
        clearInterval(expiry);
        heartbeat.close();
        for (const gateway of all) gateway.mux.close(null);
      },
    };
  };
}

function clientOf({ id, identity, peer }: Gateway) {
  return {
    session: id,
    role: 'agent',
    identity: identity?.name ?? '-',
    peer,
    protocol: 'hubble',
  } as const;
}

function leaving(): SallyportError {
  return new SallyportError('SERVER_DRAINING', 'hubble: the server is shutting down');
}
