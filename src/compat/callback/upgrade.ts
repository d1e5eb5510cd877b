/** The upgrade of both of the protocol's WebSockets, on the server's side. */
import { SallyportError } from '../../errors.ts';
import type { RequestView } from '../../ingress/http/own-endpoints.ts';
import { isKey, upgradeResponse } from '../../transport/websocket/handshake.ts';

/**
 * The one thing that is spoken beyond the older tool: an empty message ends a direction. Only peers
 * that offer this get such messages.
 */
export const HALF_CLOSE = 'sallyport.callback.v1';

export interface Upgrade {
  /** The 101. Its Connection field holds nothing but `Upgrade`: older clients compare the whole value. */
  readonly agreement: Buffer;
  readonly halfClose: boolean;
}

/**
 * Throws REQUEST_INVALID for what is no WebSocket upgrade, and DENIED for one from a web page of
 * another host.
 */
export function readUpgrade(request: RequestView): Upgrade {
  const key = request.field('Sec-WebSocket-Key');
  if (
    !request.upgrade ||
    request.field('Upgrade')?.toLowerCase() !== 'websocket' ||
    request.field('Sec-WebSocket-Version') !== '13' ||
    key === null ||
    !isKey(key)
  ) {
    throw new SallyportError(
      'REQUEST_INVALID',
      'callback: this address takes WebSocket upgrades only, of version 13',
    );
  }
  const origin = request.field('Origin');
  if (origin !== null && !sameHost(origin, request.field('Host') ?? ''))
    throw new SallyportError('DENIED', 'callback: the web page is of another host');
  const offered = request.field('Sec-WebSocket-Protocol')?.split(',') ?? [];
  const halfClose = offered.some((name) => name.trim() === HALF_CLOSE);
  const agreement = Buffer.from(upgradeResponse(key, halfClose ? HALF_CLOSE : null));
  return { agreement, halfClose };
}

function sameHost(origin: string, host: string): boolean {
  return URL.parse(origin)?.host === host.toLowerCase();
}
