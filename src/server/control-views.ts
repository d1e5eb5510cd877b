/** The things of a server as the control API shows them. */
import type { Identity } from '../access/identity.ts';
import type { ServerSession } from '../attach/server-session.ts';
import type { ClientView, IdentityView, RouteView, StreamView } from '../control/views.ts';
import type { PublicPorts } from '../ingress/tcp/ports.ts';
import type { TlsPassthrough } from '../ingress/tls/passthrough.ts';
import { formatPortRanges } from '../net/ports.ts';
import type { LiveStream } from '../registry/live-streams.ts';
import type { Routes } from '../registry/routes.ts';
import type { DialectClient } from './dialect-clients.ts';

export function clientView(
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

/** What its protocol does not tell is empty. */
export function dialectClientView(
  { session, identity, peer, protocol, attachedAt }: DialectClient,
  streams: number,
  services: readonly string[] = [],
): ClientView {
  return {
    session,
    identity,
    peer,
    protocol,
    program: '',
    attachedAt,
    rttMs: 0,
    streams,
    services: [...services],
  };
}

export function streamView({
  request,
  stream,
  identity,
  upstream,
  openedAt,
}: LiveStream): StreamView {
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

/** What is open now. */
export interface Count {
  sessions: number;
  streams: number;
}

export function identityView(
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

export interface RouteSources {
  readonly routes: Routes;
  readonly ports: PublicPorts;
  readonly passthrough: TlsPassthrough | null;
}

export function* listRoutes({ routes, ports, passthrough }: RouteSources): Iterable<RouteView> {
  for (const { by, host, path, service } of routes.list())
    yield { by, host, path, port: null, service };
  for (const { port, service } of ports.list())
    yield { by: 'port', host: null, path: null, port, service };
  for (const { name, service } of passthrough?.list() ?? [])
    yield { by: 'tls', host: name, path: null, port: passthrough!.address.port, service };
}
