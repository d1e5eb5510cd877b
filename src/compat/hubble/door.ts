/**
 * Where Hubble agents come in: a WebSocket upgrade without a subprotocol, on any path that is not
 * one of the server's API.
 */
import { linkSlabs } from '../../attach/dial.ts';
import { SallyportError } from '../../errors.ts';
import type { OwnEndpoints, RequestView, Takeover } from '../../ingress/http/own-endpoints.ts';
import { readRest } from '../../net/wire.ts';
import { isKey, upgradeResponse } from '../../transport/websocket/handshake.ts';
import { WebSocketLink } from '../../transport/websocket/link.ts';

export interface DoorOptions {
  /** Nothing else is served here: what is no upgrade is answered as the originals' proxy does. */
  readonly alone: boolean;
  /** Throws why no agent can be taken now. */
  check(): void;
  /** An agent is there. */
  entered(link: WebSocketLink, peer: string): void;
}

export function createDoor({ alone, check, entered }: DoorOptions): OwnEndpoints {
  return {
    find(request, peer) {
      if (!isUpgrade(request)) return alone ? { status: 400, body: 'Bad Request\n' } : null;
      if (!alone && request.path.startsWith('/api/')) return null;
      const key = request.field('Sec-WebSocket-Key');
      if (request.field('Sec-WebSocket-Version') !== '13' || key === null || !isKey(key))
        throw new SallyportError(
          'REQUEST_INVALID',
          'hubble: Sec-WebSocket-Version must be 13, with a valid Sec-WebSocket-Key',
        );
      // Agents send none; a browser must not lend its user's network to strangers.
      if (request.field('Origin') !== null)
        throw new SallyportError('DENIED', 'hubble: web pages may not connect');
      check();
      return takeover(key, (link) => entered(link, peer.text));
    },
  };
}

function isUpgrade(request: RequestView): boolean {
  return (
    request.upgrade &&
    request.method === 'GET' &&
    request.field('Upgrade')?.toLowerCase() === 'websocket' &&
    request.field('Sec-WebSocket-Protocol') === null
  );
}

function takeover(key: string, entered: (link: WebSocketLink) => void): Takeover {
  return (wire, rest) => {
    wire.readInto(linkSlabs);
    wire.write(Buffer.from(upgradeResponse(key, null)));
    const link = new WebSocketLink(wire, 'none');
    entered(link);
    readRest(link, rest);
  };
}
