/** The protocol's endpoints: tunnels, and the health of the server. */
import path from 'node:path';
import type { Identity } from '../../access/identity.ts';
import { asSallyportError } from '../../errors.ts';
import { grantLater } from '../../ingress/http/late-grant.ts';
import { refusalReply } from '../../ingress/http/late-reply.ts';
import type {
  OwnEndpoints,
  OwnReply,
  RequestView,
  Takeover,
} from '../../ingress/http/own-endpoints.ts';
import type { Peer } from '../../ingress/http/peer.ts';
import { formatAddress } from '../../net/address.ts';
import type { Wire } from '../../net/wire.ts';
import { closePayloadOf } from '../../transport/websocket/close.ts';
import { controlFrame, OPCODE_CLOSE } from '../../transport/websocket/frame.ts';
import type { DirectAddresses } from './addresses.ts';
import { CHALLENGE, type Admit } from './admission.ts';
import { healthAnswer } from './health.ts';
import { CLIENT_FIELD, HEALTH_PATH, TUNNEL_PATH, WRONG_SUBPROTOCOL } from './protocol.ts';
import type { Tunnels } from './tunnels.ts';
import { readUpgrade, type Upgrade } from './upgrade.ts';

export interface EndpointsOptions {
  readonly admit: Admit;
  readonly addresses: DirectAddresses;
  readonly tunnels: Tunnels;
  readonly max: number;
  /** A fresh id for a tunnel. */
  newId(): string;
  /** Throws why nothing new is taken. */
  checkOpen(): void;
}

export function createEndpoints(options: EndpointsOptions): OwnEndpoints {
  const { admit, addresses, tunnels, max, newId, checkOpen } = options;

  function tunnel(target: string, request: RequestView, peer: Peer): OwnReply | Takeover {
    checkOpen();
    tunnels.checkRoom(peer.text);
    const upgrade = readUpgrade(request);
    if ('status' in upgrade) return upgrade;
    const address = addresses.find(target);
    const wish = {
      target,
      address: address === null ? target : formatAddress(address),
      client: peer.text,
      forwardedFor: request.field('X-Forwarded-For'),
      clientName: request.field(CLIENT_FIELD),
    };
    const serve = (identity: Identity | null, wire: Wire, rest: Buffer): void =>
      grant(upgrade, wire, () =>
        tunnels.open(wire, rest, upgrade.client!, { ...wish, identity, id: newId() }),
      );
    const admitted = admit(request, peer);
    if (!(admitted instanceof Promise)) return (wire, rest) => serve(admitted, wire, rest);
    const roomy = (identity: Identity | null, wire: Wire, rest: Buffer): void => {
      tunnels.checkRoom(peer.text);
      serve(identity, wire, rest);
    };
    return grantLater(admitted, roomy, refuse);
  }

  function answer(inside: string, request: RequestView, peer: Peer): OwnReply | Takeover {
    if (inside === HEALTH_PATH) {
      const { status, type, body } = healthAnswer(tunnels.active, max);
      return { status, headers: { 'Content-Type': type, 'Cache-Control': 'no-store' }, body };
    }
    const target = addressIn(inside);
    if (target === null)
      return { status: 400, headers: plain, body: 'address: malformed escapes\n' };
    try {
      return tunnel(target, request, peer);
    } catch (thrown) {
      return refuse(thrown);
    }
  }

  return {
    find(request, peer) {
      const clean = path.posix.normalize(request.path);
      if (clean === TUNNEL_PATH.slice(0, -1)) return moved(TUNNEL_PATH);
      if (clean !== HEALTH_PATH && !clean.startsWith(TUNNEL_PATH)) return null;
      return clean === request.path ? answer(clean, request, peer) : moved(clean);
    },
  };
}

const plain = { 'Content-Type': 'text/plain; charset=utf-8' };

function grant({ agreement, client }: Upgrade, wire: Wire, open: () => void): void {
  wire.write(agreement);
  if (client !== null) return open();
  wire.write(controlFrame(OPCODE_CLOSE, closePayloadOf(...WRONG_SUBPROTOCOL), false));
  wire.endAndDestroy();
}

/** Null: it is escaped wrongly. */
function addressIn(clean: string): string | null {
  try {
    return decodeURIComponent(clean.slice(TUNNEL_PATH.length));
  } catch {
    return null;
  }
}

function moved(to: string): OwnReply {
  return { status: 301, headers: { Location: to }, body: '' };
}

/** No room is told in the words of the originals. */
function refuse(thrown: unknown): OwnReply {
  return asSallyportError(thrown).code === 'LIMIT_REACHED'
    ? { status: 429, headers: plain, body: 'too many proxied connections\n' }
    : refusalReply(thrown, CHALLENGE);
}
