/** Who may attach: the upgrade request of an agent or a consumer, judged before any upgrade. */
import type { Identities } from '../access/identities.ts';
import type { Identity } from '../access/identity.ts';
import { SallyportError } from '../errors.ts';
import { isKey } from '../transport/websocket/handshake.ts';
import { PROTOCOL } from './messages.ts';

/** What the door looks at. Values are those of the only field of that name; null when there is none. */
export interface AttachRequest {
  method: string;
  upgrade: string | null;
  authorization: string | null;
  webSocketKey: string | null;
  webSocketVersion: string | null;
  webSocketProtocol: string | null;
  origin: string | null;
}

export interface Admission {
  identity: Identity;
  /** The Sec-WebSocket-Key to answer. */
  key: string;
}

/**
 * Throws REQUEST_INVALID for what is not an upgrade, VERSION_UNSUPPORTED for another protocol,
 * AUTH_REQUIRED or AUTH_FAILED. A request with an Origin comes from a web page, which has no
 * business here: a browser must not lend its user's network to strangers (DENIED).
 */
export function admit(request: AttachRequest, identities: Identities): Admission {
  const { method, upgrade, webSocketKey: key, authorization } = request;
  if (method !== 'GET' || upgrade?.toLowerCase() !== 'websocket') {
    throw new SallyportError(
      'REQUEST_INVALID',
      'attach: this address takes WebSocket upgrades only',
    );
  }
  if (request.webSocketVersion !== '13' || key === null || !isKey(key)) {
    throw new SallyportError(
      'REQUEST_INVALID',
      'attach: Sec-WebSocket-Version must be 13, with a valid Sec-WebSocket-Key',
    );
  }
  if (request.origin !== null)
    throw new SallyportError('DENIED', 'attach: web pages may not attach');
  const offered = request.webSocketProtocol?.split(',').map((name) => name.trim()) ?? [];
  if (!offered.includes(PROTOCOL)) {
    throw new SallyportError(
      'VERSION_UNSUPPORTED',
      `attach: only the subprotocol ${PROTOCOL} is spoken here`,
    );
  }
  if (authorization === null)
    throw new SallyportError('AUTH_REQUIRED', 'attach: no credentials were given');
  const identity = identities.authenticate(authorization);
  if (identity === null) throw new SallyportError('AUTH_FAILED', 'attach: the token is not known');
  return { identity, key };
}
