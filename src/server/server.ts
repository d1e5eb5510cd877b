/** The server put together: one listener for everything, and what stands behind it. */
import { randomBytes } from 'node:crypto';
import { SallyportError } from '../errors.ts';
import { createEventLog } from '../events/log.ts';
import { createGrantPolicy } from '../access/policy/grant.ts';
import { createIdentities, type IdentityOptions } from '../access/identity.ts';
import type { DialectFactory } from '../compat/dialect.ts';
import { createHttpIngress } from '../ingress/http/ingress.ts';
import { chainEndpoints } from '../ingress/http/own-endpoints.ts';
import { createTcpIngress } from '../ingress/tcp/ports.ts';
import { createTlsPassthrough } from '../ingress/tls/passthrough.ts';
import { DRAIN_GRACE_MS, HEARTBEAT_MS, HTTP_RESPONSE_TIMEOUT_MS } from '../limits.ts';
import type { HostPort } from '../net/address.ts';
import { createCidrSet } from '../net/cidr.ts';
import type { PortRange } from '../net/ports.ts';
import { createAccessLog } from '../observe/access-writer.ts';
import type { Logger } from '../observe/logger.ts';
import { createRoutes } from '../registry/routes.ts';
import { createGate } from '../registry/gate.ts';
import { createLiveStreams } from '../registry/live-streams.ts';
import { createServiceRegistry, type Balance } from '../registry/services.ts';
import { createWaitingRoom } from '../registry/waiting-room.ts';
import { drained } from '../session/drain.ts';
import { watchCertificate, type CertificateFiles } from './certificate.ts';
import { openDialects } from './dialects.ts';
import { openListener } from './listener.ts';
import { createOwnEndpoints } from './own-endpoints.ts';
import { createRegistrar } from './registrar.ts';
import { createSessions } from './sessions.ts';

export interface ServerOptions {
  listen: HostPort;
  /** Who may do what; at least one. */
  identities: readonly IdentityOptions[];
  /** Program and version, told to clients. */
  program: string;
  log: Logger;
  /** HTTP services are reachable as NAME.domain. Default: localhost. */
  domain?: string;
  /** How consumers see this server. Default: made of the domain and the port. */
  publicUrl?: URL;
  /** Public ports that services may open. Default: 20000-29999. */
  tcpPorts?: readonly PortRange[];
  /** Serves TLS with these files, which are read again when they change. Default: plain. */
  tls?: CertificateFiles;
  /** A second address for TLS that is passed through by server name. */
  tlsPassthroughListen?: HostPort;
  /** CIDRs of proxies whose forwarding headers are believed. */
  trustedProxies?: readonly string[];
  /** CIDRs of peers that begin with a PROXY protocol header. */
  proxyProtocolFrom?: readonly string[];
  /** How agents of one name share the work where the service does not say. Default: round-robin. */
  balance?: Balance;
  /** Time between signs of life; a connection silent for twice as long is dead. Default: 5 s. */
  heartbeatMs?: number;
  /** From the end of a request to the head of its response. Default: 5 min. */
  responseTimeoutMs?: number;
  /** How long running work may go on after `close`. Default: 30 s. */
  drainGraceMs?: number;
  /** Protocols of other tools to speak as well. */
  dialects?: readonly DialectFactory[];
  /** One line for each request and stream, in `log` at level info. Default: true. */
  accessLog?: boolean;
}

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
  const { log, program, domain = 'localhost', proxyProtocolFrom = [] } = options;
  const { drainGraceMs = DRAIN_GRACE_MS } = options;
  const identities = createIdentities(options.identities);
  const accessLog = createAccessLog(log, options.accessLog ?? true);
  const fromProxy = proxyProtocolFrom.length === 0 ? null : createCidrSet(proxyProtocolFrom);
  const behindProxy = fromProxy === null ? {} : { proxyProtocolFrom: fromProxy };
  const trusted = createCidrSet(options.trustedProxies ?? []);
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
  const newId = createIds();
  const routes = createRoutes(domain);
  const registry = createServiceRegistry({
    arrived: (service) => room.arrived(service),
    vanished: (service) => registrar.vanished(service),
  });
  const room = createWaitingRoom(() => null);
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
  const passthrough = options.tlsPassthroughListen
    ? await createTlsPassthrough({
        ...ingress,
        listen: options.tlsPassthroughListen,
        ...behindProxy,
      }).catch((error: unknown) => {
        certificate?.close();
        throw error;
      })
    : null;
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
  }).catch((error: unknown) => {
    certificate?.close();
    passthrough?.close();
    dialects.close();
    http.close();
    sessions.close(null);
    throw error;
  });
  const publicUrl =
    options.publicUrl ?? defaultUrl(domain, listener.address.port, certificate !== null);

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
      http.close();
      dialects.close();
      sessions.close(null);
      room.close();
      registry.close();
    },
  };
}

function defaultUrl(domain: string, port: number, secure: boolean): URL {
  return new URL(`${secure ? 'https' : 'http'}://${domain}:${port}/`);
}

/** Ids that name a stream or request in all logs: a random start, so that those of two runs differ, and a count. */
function createIds(): () => string {
  const start = randomBytes(4).toString('hex');
  let count = 0;
  return () => `${start}-${(++count).toString(36)}`;
}
