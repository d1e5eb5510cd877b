/**
 * What carries streams: services and who serves them, the gate before them, public ports, attached
 * clients, and the protocols of other tools.
 */
import { guarded } from '../access/authenticate/guarded.ts';
import { SallyportError } from '../errors.ts';
import { createTcpIngress, type PublicPorts } from '../ingress/tcp/ports.ts';
import { createTlsPassthrough, type TlsPassthrough } from '../ingress/tls/passthrough.ts';
import { HEARTBEAT_MS } from '../limits.ts';
import { createGate, type Gate } from '../registry/gate.ts';
import { createRoutes, type Routes } from '../registry/routes.ts';
import { createServiceRegistry, type ServiceRegistry } from '../registry/services.ts';
import { createWaitingRoom } from '../registry/waiting-room.ts';
import { createDialectClients, type DialectClients } from './dialect-clients.ts';
import { openDialects, type Dialects } from './dialects.ts';
import { createExpectedServices, type ExpectedServices } from './expected-services.ts';
import { watchExpiry } from './expiry.ts';
import type { Foundation } from './foundation.ts';
import type { ServerOptions } from './options.ts';
import { createRegistrar, type Registrar } from './registrar.ts';
import { createRejudgement } from './rejudgement.ts';
import { createSessions, type Sessions } from './sessions.ts';

export interface TrafficOptions {
  readonly options: ServerOptions;
  readonly foundation: Foundation;
  readonly domain: string;
  /** Whether connections of this peer begin with a PROXY header; then they must. Null: none do. */
  readonly fromProxy: ((ip: string) => boolean) | null;
  /** The base of the addresses given out; asked when the server listens. */
  publicUrl(): URL;
}

export interface Traffic {
  readonly routes: Routes;
  readonly registry: ServiceRegistry;
  readonly expected: ExpectedServices;
  readonly gate: Gate;
  readonly ports: PublicPorts;
  /** Null: there is no passthrough port. */
  readonly passthrough: TlsPassthrough | null;
  readonly registrar: Registrar;
  readonly sessions: Sessions;
  readonly dialects: Dialects;
  readonly dialectClients: DialectClients;
  /** Streams under way, and requests of dialects. */
  readonly active: number;
  /** Who may do what has changed: ends what may no longer be. */
  rejudge(): void;
  /** Takes nothing new from attached clients, and tells them to dial again. */
  drain(): void;
  /** Stops listening on public ports; what runs goes on. */
  closePorts(): void;
  close(): void;
}

/** Rejects with LISTEN_FAILED, PORT_TAKEN, or what a dialect rejects with. */
export async function openTraffic(setting: TrafficOptions): Promise<Traffic> {
  using opened = new DisposableStack();
  const { options, foundation, domain, fromProxy, publicUrl } = setting;
  const { log, program } = options;
  const { settings, events, admission, policy, quotas, connections, live, newId } = foundation;
  const { accessLog, metrics } = foundation.observation;
  const { authenticators, guesses, rules } = admission;
  const routes = createRoutes(domain);
  let ofDialects: Dialects['whenAbsent'] = () => null;
  const registry = createServiceRegistry({
    expected: (service) => expected.has(service) || ofDialects(service) !== null,
    arrived: (service) => room.arrived(service),
    left: (service, upstream) => live.left(service, upstream),
    vanished: (service) => registrar.vanished(service),
  });
  opened.defer(() => registry.close());
  const expected = createExpectedServices({
    routes,
    domain,
    taken: (service, { message }) => log.warn({ service }, `expected, but ${message}`),
  });
  expected.replace(options.services ?? []);
  const room = createWaitingRoom((service) => rules.of(service)?.whenAbsent ?? ofDialects(service));
  opened.defer(() => room.close());
  const gate = createGate({ registry, rules, room, quotas, policy: () => policy, live, events });

  const door = {
    gate,
    connections,
    accessLog,
    newId,
    log,
    ...(fromProxy === null ? {} : { proxyProtocolFrom: fromProxy }),
  };
  const ports = createTcpIngress({
    ...door,
    host: options.listen.host,
    ranges: options.tcpPorts ?? [{ low: 20_000, high: 29_999 }],
  });
  opened.defer(() => ports.close());
  const { tlsPassthroughListen: listen } = options;
  const passthrough = listen === undefined ? null : await createTlsPassthrough({ ...door, listen });
  opened.defer(() => passthrough?.close());

  const registrar = createRegistrar({
    registry,
    policy,
    quotas,
    events,
    routes,
    ports,
    passthrough,
    domain,
    publicUrl,
    balance: () => settings.balance,
    displaced: (upstream, by) =>
      sessions.displace(
        upstream.id,
        new SallyportError('REPLACED', `service ${by.name}: taken over by a newer agent`),
      ),
  });
  const sessions = createSessions({
    program,
    gate,
    quotas,
    registrar,
    events,
    accessLog,
    log,
    newId,
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    unheard: () => metrics?.handshakeFailed('hello'),
  });
  opened.defer(() => sessions.close(null));
  const any = (): boolean => authenticators.names.length > 1;
  opened.defer(watchExpiry({ sessions, any }));

  const dialectClients = createDialectClients(events);
  opened.defer(() => dialectClients.close());
  const dialects = await openDialects(options.dialects ?? [], {
    registry,
    routes,
    domain,
    gate,
    room,
    policy,
    events,
    accessLog,
    log,
    newId,
    authenticators: [guarded(authenticators, guesses)],
    trusted: foundation.trusted,
  });
  opened.defer(() => dialects.close());
  ofDialects = (service) => dialects.whenAbsent(service);
  const { current } = authenticators;
  const rejudge = createRejudgement({ sessions, registrar, gate, live, current });
  const everything = opened.move();

  return {
    routes,
    registry,
    expected,
    gate,
    ports,
    passthrough,
    registrar,
    sessions,
    dialects,
    dialectClients,
    get active() {
      return sessions.streams + dialects.active;
    },
    rejudge() {
      rejudge();
      dialects.rejudge();
    },
    drain() {
      sessions.drain();
      dialects.drain();
    },
    closePorts() {
      passthrough?.close();
      ports.close();
    },
    close: () => everything.dispose(),
  };
}
