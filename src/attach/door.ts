/** Who may attach: the upgrade request of an agent or a consumer, judged before any upgrade. */
import { SallyportError } from '../errors.ts';
import { isKey } from '../transport/websocket/handshake.ts';
import { PROTOCOL } from './messages.ts';

/** What the door looks at. Values are those of the only field of that name; null when there is none. */
export interface AttachRequest {
  method: string;
  upgrade: string | null;
  webSocketKey: string | null;
  webSocketVersion: string | null;
  webSocketProtocol: string | null;
  origin: string | null;
}

/**
 * The Sec-WebSocket-Key to answer. Throws REQUEST_INVALID for what is not an upgrade and
 * VERSION_UNSUPPORTED for another protocol. A request with an Origin comes from a web page, which has
 * no business here: a browser must not lend its user's network to strangers (DENIED).
 */
export function checkAttach(request: AttachRequest): string {
  const { method, upgrade, webSocketKey: key } = request;
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
  return key;
}
