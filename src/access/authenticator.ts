/**
 * The authenticator seam: from what a client presents to who it is.
 *
 * An implementation MUST take the same time for an unknown name as for a wrong secret, MUST NOT throw
 * for anything a client can send, and MUST NOT let anybody in when it cannot find out: then the
 * promise rejects with AUTH_UNAVAILABLE, so that the client comes back rather than gives up.
 */
import type { Identity } from './identity.ts';

/** What a client presents, and the request that it presents it with. */
export interface Credentials {
  /** Value of the only Authorization field; null without one, or when it came twice. */
  readonly authorization: string | null;
  /** The client's certificate, verified by the TLS layer against the authorities configured for it. */
  readonly certificate: ClientCertificate | null;
  /** `ip:port` of the client. */
  readonly peer: string;
  /** The service asked for; null at the attach door and the control API. */
  readonly service: string | null;
  readonly method: string;
  /** Canonical host, and path without its query. */
  readonly host: string;
  readonly path: string;
}

export interface ClientCertificate {
  /** Common name of the subject; empty without one, or with several. */
  readonly subject: string;
  /** Subject alternative names as `DNS:name`, `URI:uri`, `EMAIL:address`, `IP:address`. */
  readonly names: readonly string[];
  /** SHA-256 of the certificate, lower-case hex without colons. */
  readonly fingerprint: string;
  /** When it stops being valid: milliseconds since 1970, UTC. */
  readonly expiresAt: number;
}

/** RFC 7617, RFC 6750. */
export type Scheme = 'Basic' | 'Bearer';

export interface Authenticator {
  /** For configuration, messages and events. The one of the identities is `tokens`. */
  readonly name: string;
  /** How credentials can be presented to it in an Authorization field; empty: they cannot. */
  readonly schemes: readonly Scheme[];
  /**
   * Who it is; null when it is nobody this authenticator knows. At once where it can be. A promise
   * rejects with AUTH_UNAVAILABLE only.
   */
  authenticate(credentials: Credentials): Identity | null | Promise<Identity | null>;
  /**
   * What an identity that an authenticator of this name vouched for is now: with the scopes of today,
   * or null when its credential no longer lets it in. Does not ask anybody else.
   */
  current(identity: Identity): Identity | null;
  /** Ends its timers and requests. */
  close(): void;
}
