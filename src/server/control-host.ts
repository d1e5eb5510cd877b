/** The server as the control API sees it. */
import type { Identities } from '../access/identities.ts';
import type { Revocations } from '../access/revocations.ts';
import type { ServerSession } from '../attach/server-session.ts';
import type { Configuration, ControlHost, Ended } from '../control/host.ts';
import type { StatusView } from '../control/views.ts';
import { SallyportError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import type { LiveStream, LiveStreams } from '../registry/live-streams.ts';
import type { ServiceRegistry } from '../registry/services.ts';
import type { Upstream } from '../registry/upstream.ts';
import {
  clientView,
  dialectClientView,
  identityView,
  listRoutes,
  streamView,
  type Count,
  type RouteSources,
} from './control-views.ts';
import type { DialectClient, DialectClients } from './dialect-clients.ts';
import type { Registrar } from './registrar.ts';
import type { Sessions } from './sessions.ts';

export interface ControlHostOptions extends RouteSources {
  readonly events: Pick<EventLog, 'seq'>;
  readonly sessions: Sessions;
  readonly dialectClients: DialectClients;
  readonly registry: ServiceRegistry;
  readonly registrar: Registrar;
  readonly live: LiveStreams;
  readonly identities: Identities;
  readonly revocations: Revocations;
  /** What of the status the composition alone knows. */
  facts(): Pick<StatusView, 'program' | 'draining' | 'listen' | 'publicUrl' | 'requests'>;
  drain(): void;
  /** Ends what may no longer be: who may do what has changed. */
  rejudge(): void;
  readonly configuration: Configuration | null;
}

interface Served {
  readonly upstream: Upstream;
  readonly services: string[];
}

const nothing: Ended = { sessions: 0, services: 0, streams: 0 };

export function createControlHost(options: ControlHostOptions): ControlHost {
  const { events, sessions, dialectClients, registry, registrar, live } = options;
  const { identities, revocations } = options;
  const startedAt = Date.now();

  /** By session: what it serves. */
  function servedBySession(): Map<string, Served> {
    const found = new Map<string, Served>();
    for (const { name, upstreams } of registry.list()) {
      for (const upstream of upstreams) {
        const served = found.get(upstream.id);
        if (served === undefined) found.set(upstream.id, { upstream, services: [name] });
        else served.services.push(name);
      }
    }
    return found;
  }

  function endSession({ id, session }: ServerSession, error: SallyportError): Ended {
    const services = servedBySession().get(id)?.services.length ?? 0;
    const streams = Math.max(0, session.streams - 1);
    sessions.kick(id, error);
    return { sessions: 1, services, streams };
  }

  function endDialectClient(client: DialectClient, error: SallyportError): Ended {
    const { upstream, services = [] } = servedBySession().get(client.session) ?? {};
    if (upstream?.close === undefined) {
      const why = `the protocol ${client.protocol} gives no hold of it; revoke its identity instead`;
      throw new SallyportError('CONTROL_ABSENT', `${client.role} ${client.session}: ${why}`);
    }
    const { streams } = upstream;
    upstream.close(error);
    return { sessions: 1, services: services.length, streams };
  }

  function endStreams(which: (stream: LiveStream) => boolean, error: SallyportError): Ended {
    const found = live.list().filter(which);
    for (const stream of found) live.kick(stream, error);
    return { ...nothing, streams: found.length };
  }

  return {
    get seq() {
      return events.seq;
    },

    status() {
      const roles = [
        ...sessions.list().map(({ hello }) => hello!.role),
        ...[...dialectClients.list()].map(({ role }) => role),
      ];
      const agents = roles.filter((role) => role === 'agent').length;
      return {
        ...options.facts(),
        node: process.version,
        startedAt,
        agents,
        consumers: roles.length - agents,
        services: registry.list().length,
        routes: [...listRoutes(options)].length,
        streams: live.count,
        configProblems: [...(options.configuration?.problems ?? [])],
        waitsForRestart: [...(options.configuration?.restart ?? [])],
        memoryBytes: process.memoryUsage.rss(),
      };
    },

    *clients(role) {
      const served = servedBySession();
      for (const session of sessions.list()) {
        if (session.hello!.role === role)
          yield clientView(session, served.get(session.id)?.services);
      }
      for (const client of dialectClients.list()) {
        if (client.role !== role) continue;
        const { upstream, services } = served.get(client.session) ?? {};
        yield dialectClientView(client, upstream?.streams ?? 0, services);
      }
    },

    *services() {
      const streams = countByUpstream(live);
      for (const { name, policy, upstreams } of registry.list()) {
        const { kind, exclusive, balance } = policy;
        yield {
          service: name,
          kind,
          present: upstreams.length > 0,
          exclusive,
          balance,
          upstreams: upstreams.map(({ id }) => ({
            session: id,
            streams: streams.get(`${id} ${name}`) ?? 0,
          })),
          urls: registrar.urls(name),
        };
      }
    },

    routes: () => listRoutes(options),

    *streams() {
      for (const stream of live.list()) yield streamView(stream);
    },

    *identities() {
      const counts = countByIdentity(sessions, dialectClients, live);
      const known = identities.list();
      for (const identity of known)
        yield identityView(identity, revocations.has(identity.name), counts.get(identity.name));
      for (const name of revocations.names) {
        if (known.some((identity) => identity.name === name)) continue;
        const bare = { roles: [], names: [], hosts: [], ports: [], targets: [] };
        yield { identity: name, ...bare, revoked: true, sessions: 0, streams: 0 };
      }
    },

    kickClient(role, id, error) {
      const found = sessions.list().find((session) => session.id === id);
      if (found?.hello?.role === role) return endSession(found, error);
      const client = dialectClients.get(id);
      return client?.role === role ? endDialectClient(client, error) : null;
    },

    kickService(name, error) {
      const service = registry.list().find((known) => known.name === name);
      if (service === undefined) return null;
      const { streams } = endStreams(({ request }) => request.service === name, error);
      const ended = { sessions: 0, services: 0, streams };
      for (const { id } of service.upstreams.slice()) {
        const session = sessions.list().find((known) => known.id === id);
        const client = dialectClients.get(id);
        if (session !== undefined) session.withdraw(name, error);
        else if (client === undefined) continue;
        // A service is all that it is here for.
        else ended.sessions += endDialectClient(client, error).sessions;
        ended.services++;
      }
      return ended;
    },

    kickStream(id, error) {
      const stream = live.find(id);
      if (stream === undefined) return null;
      live.kick(stream, error);
      return { ...nothing, streams: 1 };
    },

    revoke(name) {
      const total = { ...nothing };
      const served = servedBySession();
      for (const { id, identity } of sessions.list()) {
        if (identity.name !== name) continue;
        total.sessions++;
        total.services += served.get(id)?.services.length ?? 0;
      }
      for (const { session, identity } of dialectClients.list()) {
        if (identity !== name) continue;
        total.sessions++;
        total.services += served.get(session)?.services.length ?? 0;
      }
      for (const { identity } of live.list()) if (identity?.name === name) total.streams++;
      const listed = identities.list().some((identity) => identity.name === name);
      // With a colon it is of another authority, which alone can tell whether there is such a name.
      if (!listed && !name.includes(':') && total.sessions + total.streams === 0) return null;
      revocations.revoke(name);
      options.rejudge();
      return total;
    },

    restore: (name) => revocations.restore(name),
    drain: () => options.drain(),
    configuration: options.configuration,
  };
}

/** By upstream and service, with a space between. */
function countByUpstream(live: LiveStreams): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { upstream, request } of live.list()) {
    const key = `${upstream?.id} ${request.service}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

function countByIdentity(
  sessions: Sessions,
  dialectClients: DialectClients,
  live: LiveStreams,
): Map<string, Count> {
  const counts = new Map<string, Count>();
  const of = (name: string): Count => {
    const count = counts.get(name) ?? { sessions: 0, streams: 0 };
    counts.set(name, count);
    return count;
  };
  for (const { identity } of sessions.list()) of(identity.name).sessions++;
  for (const { identity } of dialectClients.list()) of(identity).sessions++;
  for (const { identity } of live.list()) if (identity !== null) of(identity.name).streams++;
  return counts;
}
