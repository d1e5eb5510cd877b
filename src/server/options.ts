/** What a server is made of. */
import type { AuthenticatorOptions } from '../access/authenticate/authenticators.ts';
import type { IdentityOptions } from '../access/identities.ts';
import type { Quota } from '../access/quota.ts';
import type { Policy } from '../access/policy/policy.ts';
import type { DialectFactory } from '../compat/dialect.ts';
import type { Configuration } from '../control/host.ts';
import type { HostPort } from '../net/address.ts';
import type { PortRange } from '../net/ports.ts';
import type { Logger } from '../observe/logger.ts';
import type { ServiceRule } from '../registry/service-rules.ts';
import type { Balance } from '../registry/services.ts';
import type { CertificateFiles } from './certificate.ts';
import type { ObservationSettings } from './observation.ts';

/** What can be changed while the server runs: see `Server.reload`. */
export interface LiveOptions {
  /** Who may do what by a token; at least one, where there is no authenticator. */
  readonly identities: readonly IdentityOptions[];
  /** Other ways to find out who somebody is, asked in this order after the identities. */
  readonly authenticators?: readonly AuthenticatorOptions[];
  /**
   * Decides about every registration and every stream, once the scopes allow it. The server closes it,
   * unless a reload that brought it failed. Default: it allows everything.
   */
  readonly policy?: Policy;
  /** Limits of every identity, where it has none of its own. Default: none. */
  readonly limits?: Quota;
  /** What holds for services by their names, whoever offers them: the first rule that covers one. */
  readonly services?: readonly ServiceRule[];
  /** Connections on all public ports together. Default: PUBLIC_CONNECTIONS_MAX. */
  readonly maxConnections?: number;
  /** Serves TLS with these files, which are read again when they change. Default: plain. */
  readonly tls?: CertificateFiles;
  /** CIDRs of proxies whose forwarding headers are believed. */
  readonly trustedProxies?: readonly string[];
  /** How agents of one name share the work where the service does not say. Default: round-robin. */
  readonly balance?: Balance;
  /** How long running work may go on after `close`. Default: 30 s. */
  readonly drainGraceMs?: number;
  /** One line for each request and stream, at level info. Default: true. */
  readonly accessLog?: boolean;
}

export interface ServerOptions extends LiveOptions, ObservationSettings {
  readonly listen: HostPort;
  /** Further addresses on which the same is served. */
  readonly alsoListen?: readonly HostPort[];
  /** Program and version, told to clients. */
  readonly program: string;
  readonly log: Logger;
  /** Where the lines of requests and streams go. Default: `log`. */
  readonly accessLogger?: Logger;
  /** HTTP services are reachable as NAME.domain. Default: localhost. */
  readonly domain?: string;
  /** How consumers see this server. Default: made of the domain and the port. */
  readonly publicUrl?: URL;
  /** Public ports that services may open. Default: 20000-29999. */
  readonly tcpPorts?: readonly PortRange[];
  /** A second address for TLS that is passed through by server name. */
  readonly tlsPassthroughListen?: HostPort;
  /** Where clients may come by QUIC (UDP). Needs `tls`, or a certificate of its own. */
  readonly quicListen?: HostPort;
  /** What is otherwise there. */
  readonly quic?: QuicOwnSettings;
  /** Requests of trusted proxies are routed by X-Forwarded-Host where they have it. Default: by Host. */
  readonly routeByForwardedHost?: boolean;
  /** CIDRs of peers that begin with a PROXY protocol header. */
  readonly proxyProtocolFrom?: readonly string[];
  /** Time between signs of life; a connection silent for twice as long is dead. Default: 5 s. */
  readonly heartbeatMs?: number;
  /** From the end of a request to the head of its response. Default: 5 min. */
  readonly responseTimeoutMs?: number;
  /** Protocols of other tools to speak as well. */
  readonly dialects?: readonly DialectFactory[];
  readonly control?: ControlSettings;
  /**
   * How many events are kept for those who come later; audit files and webhooks read them from there.
   * Default: EVENTS_KEPT_MAX.
   */
  readonly eventsKept?: number;
}

/** Of QUIC alone. */
export interface QuicOwnSettings {
  /** Its certificate, followed; a server that serves TLS nowhere else needs it. Default: `tls`. */
  readonly tls?: CertificateFiles;
  /** A connection is lost after so much silence. Default: QUIC_IDLE_TIMEOUT_MS. */
  readonly idleTimeoutMs?: number;
  /** Between signs of life. Default: those of each protocol only. */
  readonly keepAliveMs?: number;
}

/** The control API, for identities with the role `admin`. */
export interface ControlSettings {
  /** Serves it there, and not on the addresses that everybody reaches. */
  readonly listen?: HostPort;
  /** Names under which it may be asked, besides those of the server itself. */
  readonly hosts?: readonly string[];
  /** Web pages that may ask, such as `https://ops.example.com`. Default: none. */
  readonly origins?: readonly string[];
  /** Where the options come from. Default: they cannot be shown or read again. */
  readonly configuration?: Configuration;
}
