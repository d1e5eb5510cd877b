/** What the server answers on its own hosts: health, readiness, version, and the attach door. */
import type { Identities } from '../access/identities.ts';
import { ATTACH_PATH, linkSlabs } from '../attach/dial.ts';
import { admit } from '../attach/door.ts';
import { PROTOCOL } from '../attach/messages.ts';
import { SallyportError } from '../errors.ts';
import { HEADROOM, Slab } from '../net/slab.ts';
import type {
  OwnEndpoints,
  OwnReply,
  RequestView,
  Takeover,
} from '../ingress/http/own-endpoints.ts';
import type { Peer } from '../ingress/http/peer.ts';
import { upgradeResponse } from '../transport/websocket/handshake.ts';
import { WebSocketLink } from '../transport/websocket/link.ts';
import type { Sessions } from './sessions.ts';

export interface OwnEndpointsOptions {
  identities: Identities;
  sessions: Sessions;
  /** Program and version. */
  program: string;
  /** True once a shutdown was asked for. */
  draining(): boolean;
}

export function createOwnEndpoints(options: OwnEndpointsOptions): OwnEndpoints {
  const { identities, sessions, program, draining } = options;

  function attach(request: RequestView, peer: Peer): Takeover {
    const { identity, key } = admit(
      {
        method: request.method,
        upgrade: request.upgrade ? request.field('Upgrade') : null,
        authorization: request.field('Authorization'),
        webSocketKey: request.field('Sec-WebSocket-Key'),
        webSocketVersion: request.field('Sec-WebSocket-Version'),
        webSocketProtocol: request.field('Sec-WebSocket-Protocol'),
        origin: request.field('Origin'),
      },
      identities,
    );
    if (draining())
      throw new SallyportError('SERVER_DRAINING', 'attach: the server is shutting down');
    const full = sessions.full();
    if (full !== null) throw full;
    return (wire, rest) => {
      wire.readInto(linkSlabs);
      wire.write(Buffer.from(upgradeResponse(key, PROTOCOL)));
      const link = new WebSocketLink(wire, 'none');
      sessions.attach(link, identity, peer.text);
      if (rest.length > 0) link.read(slabOf(rest), HEADROOM, HEADROOM + rest.length);
    };
  }

  return {
    find(request, peer) {
      switch (request.path) {
        case ATTACH_PATH:
          return attach(request, peer);
        case '/healthz':
          return json(200, { status: 'ok' });
        case '/readyz':
          return draining()
            ? json(503, { status: 'draining' })
            : json(200, { status: 'ok', sessions: sessions.count });
        case '/version':
          return json(200, { program, protocol: PROTOCOL });
        default:
          return null;
      }
    },
  };
}

function json(status: number, body: unknown): OwnReply {
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  return { status, headers, body: `${JSON.stringify(body)}\n` };
}

/** Bytes that came behind the upgrade, as if they had just been read. */
function slabOf(bytes: Buffer): Slab {
  return new Slab(Buffer.concat([Buffer.alloc(HEADROOM), bytes]), null);
}
