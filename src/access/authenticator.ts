/**
 * The authenticator seam: from what a client presents to who it is.
 *
 * An implementation MUST take the same time for an unknown name as for a wrong secret, MUST NOT throw
 * for anything a client can send, and MUST say nobody (null) when it cannot find out: a look-up that
 * fails never lets anybody in.
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
  /** Common name of the subject; empty without one. */
  readonly subject: string;
  /** Subject alternative names as `DNS:name`, `URI:uri`, `EMAIL:address`, `IP:address`. */
  readonly names: readonly string[];
  /** SHA-256 of the certificate, lower-case hex without colons. */
  readonly fingerprint: string;
}

export interface Authenticator {
  /** For messages and events: `tokens`, or the name under `authenticators`. */
  readonly name: string;
  /** WWW-Authenticate for clients that presented nothing: a scheme with its realm. Null: there is none. */
  readonly challenge: string | null;
  /** Who it is; null when it is nobody this authenticator knows. Never rejects. */
  authenticate(credentials: Credentials): Identity | null | Promise<Identity | null>;
  /** Ends its timers and requests. */
  close(): void;
}
