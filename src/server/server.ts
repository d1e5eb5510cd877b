/** The server put together: one listener for everything, and what stands behind it. */
import { randomBytes } from 'node:crypto';
import { createIdentities, type IdentityOptions } from '../access/identity.ts';
import { createHttpIngress } from '../ingress/http/ingress.ts';
import { createTcpIngress } from '../ingress/tcp/ports.ts';
import { createTlsPassthrough } from '../ingress/tls/passthrough.ts';
import { DRAIN_GRACE_MS, HEARTBEAT_MS, HTTP_RESPONSE_TIMEOUT_MS } from '../limits.ts';
import type { HostPort } from '../net/address.ts';
import { createCidrSet } from '../net/cidr.ts';
import type { PortRange } from '../net/ports.ts';
import { createAccessLog } from '../observe/access-writer.ts';
import type { Logger } from '../observe/logger.ts';
import { createRoutes } from '../registry/routes.ts';
import { createServiceRegistry, type Balance } from '../registry/services.ts';
import { drained } from '../session/drain.ts';
import { watchCertificate, type CertificateFiles } from './certificate.ts';
import { openListener } from './listener.ts';
import { createOwnEndpoints } from './own-endpoints.ts';
import { createRegistrar } from './registrar.ts';
import { createSessions } from './sessions.ts';

export interface ServerOptions {
  listen: HostPort;
  /** Who may do what; at least one. */
  identities: readonly IdentityOptions[];
  program: string;
  log: Logger;
  /** HTTP services are reachable as NAME.domain. Default: localhost. */
  domain?: string;
  /** How consumers see this server. Default: made of the domain and the port. */
  publicUrl?: URL;
  /** Public ports that services may open. Default: 20000-29999. */
  tcpPorts?: readonly PortRange[];
  tls?: CertificateFiles;
  /** A second address for TLS that is passed through by server name. */
  tlsPassthroughListen?: HostPort;
  /** CIDRs of proxies whose forwarding headers are believed. */
  trustedProxies?: readonly string[];
  /** CIDRs of peers that begin with a PROXY protocol header. */
  proxyProtocolFrom?: readonly string[];
  balance?: Balance;
  heartbeatMs?: number;
  responseTimeoutMs?: number;
  drainGraceMs?: number;
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
