/** What the server answers on its own hosts: health, readiness, version, and the doors of its clients. */
import type { Reception } from '../access/authenticate/reception.ts';
import type { Identity } from '../access/identity.ts';
import { ATTACH_PATH, linkSlabs } from '../attach/dial.ts';
import { checkAttach } from '../attach/door.ts';
import { PROTOCOL } from '../attach/messages.ts';
import { SallyportError } from '../errors.ts';
import { POLL_HOLD_MS } from '../limits.ts';
import { grantLater } from '../ingress/http/late-grant.ts';
import { jsonRefusalReply } from '../ingress/http/late-reply.ts';
import type {
  OwnEndpoints,
  OwnReply,
  RequestView,
  Takeover,
} from '../ingress/http/own-endpoints.ts';
import type { Peer } from '../ingress/http/peer.ts';
import { readRest, type Wire } from '../net/wire.ts';
import { upgradeResponse } from '../transport/websocket/handshake.ts';
import { WebSocketLink } from '../transport/websocket/link.ts';
import { createPollDoor } from './poll-door.ts';
import type { Sessions } from './sessions.ts';

export interface OwnEndpointsOptions {
  reception: Reception;
  sessions: Sessions;
  /** Program and version. */
  program: string;
  /** True once a shutdown was asked for. */
  draining(): boolean;
  /** Longest wait for the head of a response, in milliseconds: no request may be held for longer. */
  responseTimeoutMs: number;
}

export interface ServerEndpoints extends OwnEndpoints {
  /** Ends the links of clients that make single requests. */
  close(): void;
}

export function createOwnEndpoints(options: OwnEndpointsOptions): ServerEndpoints {
  const { reception, sessions, program, draining } = options;
  const holdMs = Math.min(POLL_HOLD_MS, options.responseTimeoutMs / 2);
  const polls = createPollDoor({ reception, sessions, checkRoom, holdMs });

  function attach(request: RequestView, peer: Peer): Takeover {
    const { method, host, path } = request;
    const key = checkAttach({
      method,
      upgrade: request.upgrade ? request.field('Upgrade') : null,
      webSocketKey: request.field('Sec-WebSocket-Key'),
      webSocketVersion: request.field('Sec-WebSocket-Version'),
      webSocketProtocol: request.field('Sec-WebSocket-Protocol'),
      origin: request.field('Origin'),
    });
    checkRoom();
    const admitted = reception.admit('attach', {
      authorization: request.field('Authorization'),
      certificate: peer.certificate,
      peer: peer.text,
      service: null,
      method,
      host,
      path,
    });
    const open = (identity: Identity, wire: Wire, rest: Buffer): void => {
      checkRoom();
      wire.readInto(linkSlabs);
      wire.write(Buffer.from(upgradeResponse(key, PROTOCOL)));
      const link = new WebSocketLink(wire, 'none');
      sessions.attach(link, identity, peer.text);
      readRest(link, rest);
    };
    if (!(admitted instanceof Promise)) return (wire, rest) => open(admitted, wire, rest);
    return grantLater(admitted, open, (thrown) => jsonRefusalReply(thrown, null));
  }

  /** Throws SERVER_DRAINING or SERVER_BUSY: asked before anybody is asked who it is, and when that is known. */
  function checkRoom(): void {
    if (draining())
      throw new SallyportError('SERVER_DRAINING', 'attach: the server is shutting down');
    const full = sessions.full();
    if (full !== null) throw full;
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
          return polls.endpoints.find(request, peer);
      }
    },
    close: () => polls.close(),
  };
}

function json(status: number, body: unknown): OwnReply {
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  return { status, headers, body: `${JSON.stringify(body)}\n` };
}
