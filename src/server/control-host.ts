/** The server as the control API sees it. */
import type { Identities } from '../access/identities.ts';
import type { Identity } from '../access/identity.ts';
import type { Revocations } from '../access/revocations.ts';
import type { ServerSession } from '../attach/server-session.ts';
import type { Configuration, ControlHost, Ended } from '../control/host.ts';
import type {
  ClientView,
  IdentityView,
  RouteView,
  StatusView,
  StreamView,
} from '../control/views.ts';
import type { SallyportError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import type { PublicPorts } from '../ingress/tcp/ports.ts';
import type { TlsPassthrough } from '../ingress/tls/passthrough.ts';
import { formatPortRanges } from '../net/ports.ts';
import type { LiveStream, LiveStreams } from '../registry/live-streams.ts';
import type { Routes } from '../registry/routes.ts';
import type { ServiceRegistry } from '../registry/services.ts';
import type { Registrar } from './registrar.ts';
import type { Sessions } from './sessions.ts';

export interface ControlHostOptions {
  readonly events: Pick<EventLog, 'seq'>;
  readonly sessions: Sessions;
  readonly registry: ServiceRegistry;
  readonly registrar: Registrar;
  readonly routes: Routes;
  readonly ports: PublicPorts;
  readonly passthrough: TlsPassthrough | null;
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

const nothing: Ended = { sessions: 0, services: 0, streams: 0 };

export function createControlHost(options: ControlHostOptions): ControlHost {
  const { events, sessions, registry, registrar, routes, live, identities, revocations } = options;
  const startedAt = Date.now();

  /** By session: what it serves. */
  function servicesBySession(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const { name, upstreams } of registry.list()) {
      for (const { id } of upstreams) found.set(id, [...(found.get(id) ?? []), name]);
    }
    return found;
  }

  function endSession({ id, session }: ServerSession, error: SallyportError): Ended {
    const services = servicesBySession().get(id)?.length ?? 0;
    const streams = Math.max(0, session.streams - 1);
    sessions.kick(id, error);
    return { sessions: 1, services, streams };
  }

  function endStreams(which: (stream: LiveStream) => boolean, error: SallyportError): Ended {
    const found = [...live.list()].filter(which);
    for (const { request } of found) live.kick(request.id, error);
    return { ...nothing, streams: found.length };
  }

  return {
    get seq() {
      return events.seq;
    },

    status() {
      const roles = sessions.list().map(({ hello }) => hello!.role);
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
      const services = servicesBySession();
      for (const session of sessions.list()) {
        if (session.hello!.role === role) yield clientView(session, services.get(session.id));
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

    routes: () => listRoutes({ routes, ports: options.ports, passthrough: options.passthrough }),

    *streams() {
      for (const stream of live.list()) yield streamView(stream);
    },

    *identities() {
      const counts = countByIdentity(sessions, live);
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
      return found?.hello?.role === role ? endSession(found, error) : null;
    },

    kickService(name, error) {
      const service = registry.list().find((known) => known.name === name);
      if (service === undefined) return null;
      const { streams } = endStreams(({ request }) => request.service === name, error);
      const upstreams = [...service.upstreams];
      for (const { id } of upstreams) {
        sessions
          .list()
          .find((session) => session.id === id)
          ?.withdraw(name, error);
      }
      return { sessions: 0, services: upstreams.length, streams };
    },

    kickStream: (id, error) => (live.kick(id, error) ? { ...nothing, streams: 1 } : null),

    revoke(name) {
      const total = { ...nothing };
      const services = servicesBySession();
      for (const { id, identity } of sessions.list()) {
        if (identity.name !== name) continue;
        total.sessions++;
        total.services += services.get(id)?.length ?? 0;
      }
      for (const { identity } of live.list()) if (identity?.name === name) total.streams++;
      revocations.revoke(name);
      options.rejudge();
      return total;
    },

    restore: (name) => revocations.restore(name),
    drain: () => options.drain(),
    configuration: options.configuration,
  };
}

function clientView(
  { id, identity, peer, attachedAt, hello, session }: ServerSession,
  services: readonly string[] = [],
): ClientView {
  return {
    session: id,
    identity: identity.name,
    peer,
    protocol: 'sallyport',
    program: hello!.program,
    attachedAt,
    rttMs: Math.round(session.rtt * 1_000) / 1_000,
    streams: Math.max(0, session.streams - 1),
    services: [...services],
  };
}

function streamView({ request, stream, identity, upstream, openedAt }: LiveStream): StreamView {
  return {
    stream: request.id,
    service: request.service,
    kind: request.kind,
    consumer: request.consumer,
    identity: identity?.name ?? null,
    target: request.target ?? null,
    session: upstream?.id ?? null,
    openedAt,
    bytesUp: stream.bytesSent,
    bytesDown: stream.bytesReceived,
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

interface Count {
  sessions: number;
  streams: number;
}

function countByIdentity(sessions: Sessions, live: LiveStreams): Map<string, Count> {
  const counts = new Map<string, Count>();
  const of = (name: string): Count => {
    const count = counts.get(name) ?? { sessions: 0, streams: 0 };
    counts.set(name, count);
    return count;
  };
  for (const { identity } of sessions.list()) of(identity.name).sessions++;
  for (const { identity } of live.list()) if (identity !== null) of(identity.name).streams++;
  return counts;
}

function identityView(
  { name, roles, names, hosts, ports, targetRules }: Identity,
  revoked: boolean,
  { sessions, streams }: Count = { sessions: 0, streams: 0 },
): IdentityView {
  return {
    identity: name,
    roles: [...roles],
    names: [...names.patterns],
    hosts: [...hosts.patterns],
    ports: ports.map((range) => formatPortRanges([range])),
    targets: [...targetRules],
    revoked,
    sessions,
    streams,
  };
}

function* listRoutes({
  routes,
  ports,
  passthrough,
}: Pick<ControlHostOptions, 'routes' | 'ports' | 'passthrough'>): Iterable<RouteView> {
  for (const { by, host, path, service } of routes.list())
    yield { by, host, path, port: null, service };
  for (const { port, service } of ports.list())
    yield { by: 'port', host: null, path: null, port, service };
  for (const { name, service } of passthrough?.list() ?? [])
    yield { by: 'tls', host: name, path: null, port: passthrough!.address.port, service };
}
