/** The server put together: one listener for everything, and what stands behind it. */
import { SallyportError } from '../errors.ts';
import { createEventLog } from '../events/log.ts';
import { createGrantPolicy, NO_POLICY } from '../access/policy/grant.ts';
import { createReplaceablePolicy } from '../access/policy/replaceable.ts';
import { guarded } from '../access/authenticate/guarded.ts';
import { quotaOf } from '../access/quota.ts';
import { createQuotas } from '../access/quotas.ts';
import { createHttpIngress } from '../ingress/http/ingress.ts';
import { chainEndpoints } from '../ingress/http/own-endpoints.ts';
import { createTcpIngress } from '../ingress/tcp/ports.ts';
import { createTlsPassthrough } from '../ingress/tls/passthrough.ts';
import { HEARTBEAT_MS, HTTP_RESPONSE_TIMEOUT_MS, PUBLIC_CONNECTIONS_MAX } from '../limits.ts';
import { formatAddress } from '../net/address.ts';
import { createCidrSet } from '../net/cidr.ts';
import { createConnectionCount } from '../net/connection-count.ts';
import { createAccessLog } from '../observe/access-writer.ts';
import { createRoutes } from '../registry/routes.ts';
import { createGate } from '../registry/gate.ts';
import { createLiveStreams } from '../registry/live-streams.ts';
import { createServiceRegistry } from '../registry/services.ts';
import { createWaitingRoom } from '../registry/waiting-room.ts';
import { drained } from '../session/drain.ts';
import { createAdmission } from './admission.ts';
import { clientCertificateOf } from './client-certificate.ts';
import { createControl } from './control.ts';
import { createControlHost } from './control-host.ts';
import { openDialects } from './dialects.ts';
import { watchExpiry } from './expiry.ts';
import type { Server } from './handle.ts';
import { createExpectedServices } from './expected-services.ts';
import { createIds } from './ids.ts';
import { openObservation } from './observation.ts';
import type { ServerOptions } from './options.ts';
import { createOwnEndpoints } from './own-endpoints.ts';
import { openPublicListener } from './public-listener.ts';
import { defaultUrl } from './public-url.ts';
import { createPreparations } from './preparations.ts';
import { createRegistrar } from './registrar.ts';
import { createRejudgement } from './rejudgement.ts';
import { createReload } from './reload.ts';
import { createSessions } from './sessions.ts';
import { settingsOf } from './settings.ts';

/**
 * Resolves when it listens. Rejects with LISTEN_FAILED, CONFIG_INVALID for credentials or a
 * certificate that cannot be used, and USAGE for a malformed scope or CIDR. Its owner closes it.
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  using opened = new DisposableStack();
  const { log, program, domain = 'localhost', proxyProtocolFrom = [] } = options;
  const accessLines = createAccessLog(options.accessLogger ?? log, options.accessLog ?? true);
  const fromProxy = proxyProtocolFrom.length === 0 ? null : createCidrSet(proxyProtocolFrom);
  const behindProxy = fromProxy === null ? {} : { proxyProtocolFrom: fromProxy };
  const settings = settingsOf(options);
  const trusted = (address: string): boolean => settings.trusted(address);
  const events = createEventLog({
    failed: (error) => log.error({ error }, 'a listener of events failed'),
  });
  const admission = createAdmission(options, { events, log });
  opened.defer(() => admission.close());
  const { authenticators, guesses, reception, rules } = admission;
  const quotas = createQuotas({
    ofIdentity: (identity) =>
      quotaOf((authenticators.current(identity) ?? identity).limits, settings.limits),
    ofService: (service) => rules.of(service)?.limits ?? null,
  });
  opened.defer(() => quotas.close());
  const connections = createConnectionCount(options.maxConnections ?? PUBLIC_CONNECTIONS_MAX, () =>
    log.warn({ max: connections.max }, 'connections are refused: there are too many'),
  );
  const newId = createIds();
  const routes = createRoutes(domain);
  const registry = createServiceRegistry({
    expected: (service) => expected.has(service),
    arrived: (service) => room.arrived(service),
    vanished: (service) => registrar.vanished(service),
  });
  opened.defer(() => registry.close());
  const expected = createExpectedServices({
    routes,
    domain,
    taken: (service, { message }) => log.warn({ service }, `expected, but ${message}`),
  });
  expected.replace(options.services ?? []);
  const room = createWaitingRoom((service) => rules.of(service)?.whenAbsent ?? null);
  opened.defer(() => room.close());
  const policy = createReplaceablePolicy(options.policy ?? createGrantPolicy(NO_POLICY));
  opened.defer(() => policy.close());
  const live = createLiveStreams();
  const observation = await openObservation({ ...options, events, live, accessLog: accessLines });
  opened.defer(() => void observation.close());
  const { accessLog, metrics } = observation;
  const gate = createGate({ registry, rules, room, quotas, policy: () => policy, live, events });
  const ingress = { gate, connections, accessLog, newId, log };

  const ports = createTcpIngress({
    ...ingress,
    host: options.listen.host,
    ranges: options.tcpPorts ?? [{ low: 20_000, high: 29_999 }],
    ...behindProxy,
  });
  opened.defer(() => ports.close());
  const passthrough = options.tlsPassthroughListen
    ? await createTlsPassthrough({
        ...ingress,
        listen: options.tlsPassthroughListen,
        ...behindProxy,
      })
    : null;
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
    balance: () => settings.balance,
    publicUrl: () => publicUrl,
    displaced: (upstream, by) =>
      sessions.displace(
        upstream.id,
        new SallyportError('REPLACED', `service ${by.name}: taken over by a newer agent`),
      ),
  });
  const sessions = createSessions({
    program,
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    gate,
    quotas,
    registrar,
    events,
    accessLog,
    log,
    newId,
    unheard: () => metrics?.handshakeFailed('hello'),
  });
  opened.defer(() => sessions.close(null));
  const any = (): boolean => authenticators.names.length > 1;
  opened.defer(watchExpiry({ sessions, live, any }));
  const dialects = await openDialects(options.dialects ?? [], {
    registry,
    gate,
    authenticators: [guarded(authenticators, guesses)],
    policy,
    events,
    accessLog,
    log,
    newId,
    trusted,
  });
  opened.defer(() => dialects.close());
  let draining = false;
  const drain = (graceMs: number): void => {
    if (draining) return;
    draining = true;
    events.publish('server.draining', { graceMs });
    sessions.drain();
    http.drain();
    dialects.drain();
  };
  const webIngress = {
    gate,
    quotas,
    demands: admission,
    trusted,
    accessLog,
    newId,
    responseTimeoutMs: options.responseTimeoutMs ?? HTTP_RESPONSE_TIMEOUT_MS,
    defect: (error: SallyportError, id: string) =>
      log.error({ error, id }, 'request failed for an unforeseen reason'),
  };
  const control = createControl({
    ...options.control,
    domain,
    publicUrl: options.publicUrl,
    host: createControlHost({
      events,
      sessions,
      registry,
      registrar,
      routes,
      ports,
      passthrough,
      live,
      identities: authenticators.identities,
      revocations: admission.revocations,
      facts: () => ({
        program,
        draining,
        listen: formatAddress(listener.address),
        publicUrl: publicUrl.href,
        requests: http.active,
      }),
      drain: () => drain(settings.drainGraceMs),
      rejudge: () => rejudge(),
      configuration: options.control?.configuration ?? null,
    }),
    reception,
    policy: () => policy,
    events,
    metrics,
    log,
    ingress: webIngress,
  });
  opened.defer(() => control.close());
  const own = createOwnEndpoints({
    reception,
    sessions,
    program,
    draining: () => draining,
    responseTimeoutMs: webIngress.responseTimeoutMs,
  });
  opened.defer(() => own.close());
  const http = createHttpIngress({
    ...webIngress,
    routes,
    own: chainEndpoints([...dialects.endpoints, own, ...control.endpoints]),
  });
  opened.defer(() => http.close());
  const listener = await openPublicListener({
    listen: options.listen,
    alsoListen: options.alsoListen ?? [],
    connections,
    tls: options.tls,
    proxyProtocolFrom: fromProxy,
    log,
    connection(socket, secure, peer) {
      const from = peer === null ? undefined : { address: peer.host, port: peer.port };
      http.serve(socket, secure, from, clientCertificateOf(socket));
    },
    failed(error, peer) {
      metrics?.handshakeFailed('tls');
      log.debug({ peer, error: error.message }, 'connection refused');
    },
  });
  opened.defer(() => listener.close());
  const publicUrl = options.publicUrl ?? defaultUrl(domain, listener.address.port, listener.secure);
  await control.listen(options.tls);
  const { current } = authenticators;
  const rejudgeTraffic = createRejudgement({ sessions, registrar, gate, live, current });
  const rejudge = (): void => {
    rejudgeTraffic();
    dialects.rejudge();
    control.rejudge(current);
  };
  const reload = createReload(
    options,
    createPreparations({
      settings,
      admission,
      expected,
      quotas,
      policy,
      connections,
      listeners: [listener, control],
      accessLog: accessLines,
    }),
    rejudge,
  );
  const everything = opened.move();

  return {
    address: listener.address,
    publicUrl,
    events,
    metrics,
    metricsAddress: observation.metricsAddress,
    controlAddress: control.address,
    reload,
    async close(graceMs = settings.drainGraceMs) {
      drain(graceMs);
      listener.close();
      passthrough?.close();
      ports.close();
      await drained(() => http.active + sessions.streams + dialects.active, graceMs);
      everything.dispose();
      await observation.close();
    },
  };
}
