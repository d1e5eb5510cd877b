/** The upgrade of a tunnel, on the server's side. Extensions are declined, as every server may. */
import type { OwnReply, RequestView } from '../../ingress/http/own-endpoints.ts';
import { isKey, upgradeResponse } from '../../transport/websocket/handshake.ts';
import { HALF_CLOSE, SUBPROTOCOL } from './protocol.ts';
import type { SokkenPeer } from './stream.ts';

export interface Upgrade {
  /** The 101. */
  readonly agreement: Buffer;
  /** Null: it does not offer the subprotocol, which is told behind the 101. */
  readonly client: SokkenPeer | null;
}

/** What is agreed, or the reply to what is no upgrade: with the status that the originals give it. */
export function readUpgrade(request: RequestView): Upgrade | OwnReply {
  const field = (name: string): string => request.field(name) ?? '';
  if (!request.upgrade || field('Upgrade').toLowerCase() !== 'websocket')
    return fault(426, 'this address takes WebSocket upgrades only', {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
    });
  if (request.method !== 'GET')
    return fault(405, 'an upgrade is asked for by GET', { Allow: 'GET' });
  if (field('Sec-WebSocket-Version') !== '13')
    return fault(400, 'Sec-WebSocket-Version must be 13', { 'Sec-WebSocket-Version': '13' });
  const key = field('Sec-WebSocket-Key');
  if (!isKey(key)) return fault(400, 'Sec-WebSocket-Key must hold 16 bytes in base64');
  const origin = request.field('Origin');
  if (origin !== null && URL.parse(origin)?.host !== field('Host').toLowerCase())
    return fault(403, 'the web page is of another host');
  const offered = field('Sec-WebSocket-Protocol')
    .split(',')
    .map((name) => name.trim());
  const halfClosing = offered.includes(HALF_CLOSE);
  const spoken = halfClosing
    ? HALF_CLOSE
    : offered.find((name) => name.toLowerCase() === SUBPROTOCOL);
  return {
    agreement: Buffer.from(upgradeResponse(key, spoken ?? null)),
    client: halfClosing ? 'half-closing' : spoken === undefined ? null : 'older-client',
  };
}

function fault(status: number, why: string, headers: Record<string, string> = {}): OwnReply {
  return {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers },
    body: `${why}\nwebsocket error\n`,
  };
}
