/** The server put together: one listener for everything, and what stands behind it. */
import { SallyportError } from '../errors.ts';
import { createEventLog } from '../events/log.ts';
import { createGrantPolicy } from '../access/policy/grant.ts';
import { createIdentities } from '../access/identities.ts';
import { createHttpIngress } from '../ingress/http/ingress.ts';
import { chainEndpoints } from '../ingress/http/own-endpoints.ts';
import { createTcpIngress } from '../ingress/tcp/ports.ts';
import { createTlsPassthrough } from '../ingress/tls/passthrough.ts';
import { DRAIN_GRACE_MS, HEARTBEAT_MS, HTTP_RESPONSE_TIMEOUT_MS } from '../limits.ts';
import type { HostPort } from '../net/address.ts';
import { createCidrSet } from '../net/cidr.ts';
import { createAccessLog } from '../observe/access-writer.ts';
import { createRoutes } from '../registry/routes.ts';
import { createGate } from '../registry/gate.ts';
import { createLiveStreams } from '../registry/live-streams.ts';
import { createServiceRegistry } from '../registry/services.ts';
import { createWaitingRoom } from '../registry/waiting-room.ts';
import { drained } from '../session/drain.ts';
import { watchCertificate } from './certificate.ts';
import { openDialects } from './dialects.ts';
import { createIds } from './ids.ts';
import { openListener } from './listener.ts';
import type { ServerOptions } from './options.ts';
import { createOwnEndpoints } from './own-endpoints.ts';
import { createRegistrar } from './registrar.ts';
import { createSessions } from './sessions.ts';

export interface Server {
  /** Where it listens, with the port that was picked. */
  readonly address: HostPort;
  /** The base of the addresses it gives out, such as `http://localhost:8080`. */
  readonly publicUrl: URL;
  /**
   * Takes nothing new, tells the agents to dial again, lets running work finish within `graceMs`
   * (default: `drainGraceMs`), then closes. Resolves when everything is closed.
   */
  close(graceMs?: number): Promise<void>;
}

/**
 * Resolves when it listens. Rejects with LISTEN_FAILED, CONFIG_INVALID for credentials or a
 * certificate that cannot be used, and USAGE for a malformed scope or CIDR. Its owner closes it.
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  using opened = new DisposableStack();
  const { log, program, domain = 'localhost', proxyProtocolFrom = [] } = options;
  const { drainGraceMs = DRAIN_GRACE_MS } = options;
  const identities = createIdentities(options.identities);
  const accessLog = createAccessLog(log, options.accessLog ?? true);
  const fromProxy = proxyProtocolFrom.length === 0 ? null : createCidrSet(proxyProtocolFrom);
  const behindProxy = fromProxy === null ? {} : { proxyProtocolFrom: fromProxy };
  const trusted = createCidrSet(options.trustedProxies ?? []);
  const newId = createIds();
  const routes = createRoutes(domain);
  const registry = createServiceRegistry({
    arrived: (service) => room.arrived(service),
    vanished: (service) => registrar.vanished(service),
  });
  opened.defer(() => registry.close());
  const room = createWaitingRoom(() => null);
  opened.defer(() => room.close());
  const events = createEventLog({
    failed: (error) => log.error({ error }, 'a listener of events failed'),
  });
  const policy = createGrantPolicy('no policy is configured');
  const gate = createGate({
    registry,
    room,
    policy: () => policy,
    live: createLiveStreams(),
    events,
  });
  const ingress = { gate, accessLog, newId, log };

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
    events,
    routes,
    ports,
    passthrough,
    domain,
    balance: options.balance ?? 'round-robin',
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
    registrar,
    events,
    accessLog,
    log,
    newId,
  });
  opened.defer(() => sessions.close(null));
  const dialects = await openDialects(options.dialects ?? [], {
    registry,
    gate,
    authenticators: [],
    events,
    accessLog,
    log,
    newId,
    trusted,
  });
  opened.defer(() => dialects.close());
  let draining = false;
  const own = createOwnEndpoints({ identities, sessions, program, draining: () => draining });
  const http = createHttpIngress({
    routes,
    gate,
    own: chainEndpoints([...dialects.endpoints, own]),
    trusted,
    accessLog,
    newId,
    responseTimeoutMs: options.responseTimeoutMs ?? HTTP_RESPONSE_TIMEOUT_MS,
    defect: (error, id) => log.error({ error, id }, 'request failed for an unforeseen reason'),
  });
  opened.defer(() => http.close());
  const certificate = options.tls
    ? watchCertificate(options.tls, {
        reloaded(next) {
          listener.useCertificate(next);
          log.info({ cert: options.tls!.cert }, 'certificate reloaded');
        },
        kept: (error) =>
          log.error(
            { code: error.code, error: error.message },
            'certificate not reloaded; the old one stays',
          ),
      })
    : null;
  opened.defer(() => certificate?.close());
  const listener = await openListener({
    listen: options.listen,
    certificate: certificate?.first ?? null,
    proxyProtocolFrom: fromProxy,
    connection: (socket, secure, peer) =>
      http.serve(
        socket,
        secure,
        peer === null ? undefined : { address: peer.host, port: peer.port },
      ),
    failed: (error, peer) => log.debug({ peer, error: error.message }, 'connection refused'),
  });
  opened.defer(() => listener.close());
  const publicUrl =
    options.publicUrl ?? defaultUrl(domain, listener.address.port, certificate !== null);
  const everything = opened.move();

  return {
    address: listener.address,
    publicUrl,
    async close(graceMs = drainGraceMs) {
      draining = true;
      events.publish('server.draining', { graceMs });
      certificate?.close();
      listener.close();
      passthrough?.close();
      ports.close();
      sessions.drain();
      http.drain();
      dialects.drain();
      await drained(() => http.active + sessions.streams + dialects.active, graceMs);
      everything.dispose();
    },
  };
}

function defaultUrl(domain: string, port: number, secure: boolean): URL {
  return new URL(`${secure ? 'https' : 'http'}://${domain}:${port}/`);
}
