/** The endpoints of WStunnel's server. Requests that carry a known token are routed before these are asked. */
import { isClientDoor } from '../../attach/client-doors.ts';
import { linkSlabs } from '../../attach/dial.ts';
import type { SallyportError } from '../../errors.ts';
import { grantLater } from '../../ingress/http/late-grant.ts';
import { refusalReply } from '../../ingress/http/late-reply.ts';
import type {
  OwnEndpoints,
  OwnReply,
  RequestView,
  Takeover,
} from '../../ingress/http/own-endpoints.ts';
import type { Peer } from '../../ingress/http/peer.ts';
import { RENDEZVOUS_TOKEN_MIN_CHARS } from '../../limits.ts';
import { readRest, type Wire } from '../../net/wire.ts';
import { isKey, upgradeResponse } from '../../transport/websocket/handshake.ts';
import { WebSocketLink } from '../../transport/websocket/link.ts';

/** Serves an agent whose upgrade was granted. */
export type Join = (link: WebSocketLink) => void;

export interface EndpointsOptions {
  /** The server does nothing else: requests without a token are told of it. */
  readonly alone: boolean;
  /** Lets an agent in, or throws, or rejects with, why not. */
  admit(token: string, peer: Peer): Join | Promise<Join>;
  /** Whether this is the service of a token. */
  has(service: string): boolean;
  /** `local`: the reader is on this machine. */
  stats(local: boolean): string;
}

const tokenPath = '/_token/';

export function createEndpoints(options: EndpointsOptions): OwnEndpoints {
  const { alone, admit, has, stats } = options;

  function tunnel(request: RequestView, peer: Peer): OwnReply | Takeover {
    if (request.method !== 'GET') return text(400, 'Only GET requests are supported');
    const token = request.field('Origin');
    if (token === null) return text(400, 'Origin header with rendez-vous token required');
    if (token.length < RENDEZVOUS_TOKEN_MIN_CHARS) {
      const why = `must be ${RENDEZVOUS_TOKEN_MIN_CHARS} chars`;
      return text(400, `Rendez-vous token is too short (${why})`);
    }
    const key = upgradeKey(request);
    if (key === null) return text(400, 'Not a websocket handshake');
    const join = (joined: Join, wire: Wire, rest: Buffer): void => {
      wire.readInto(linkSlabs);
      wire.write(Buffer.from(upgradeResponse(key, null)));
      const link = new WebSocketLink(wire, 'none');
      joined(link);
      readRest(link, rest);
    };
    const admitted = admit(token, peer);
    if (admitted instanceof Promise)
      return grantLater(admitted, join, (thrown) => refusalReply(thrown, null));
    return (wire, rest) => join(admitted, wire, rest);
  }

  return {
    find(request, peer) {
      const { path } = request;
      if (path === '/_tunnel') return tunnel(request, peer);
      if (path === '/_health_check') return text(200, 'WSTUNSRV RUNNING');
      if (path === '/_stats') return text(200, stats(isLocal(request, peer)).replace(/\n$/, ''));
      if (!alone || isClientDoor(path)) return null;
      const inPath = path.startsWith(tokenPath);
      if (inPath && path.indexOf('/', tokenPath.length) <= tokenPath.length)
        return text(400, 'Missing token in URI');
      if (!inPath && request.field('X-Token') === null) return text(400, 'Missing X-Token header');
      return text(404, 'Tunnel not found (or not seen in a long time)');
    },
    failure(service, error) {
      const words = alone && has(service) ? failureWords(service, error) : null;
      if (words === null) return null;
      const reply = text(error.http, words);
      return { ...reply, headers: { ...reply.headers, 'Sallyport-Error': error.code } };
    },
  };
}

/** What the original says; null: it has no words for this one. */
function failureWords(service: string, { code, message }: SallyportError): string | null {
  if (code === 'RESPONSE_TIMEOUT') return 'Tunnel timeout';
  return code === 'SERVICE_ABSENT' ? message.replace(`service ${service}: `, '') : null;
}

/** Null: it is no WebSocket handshake. */
function upgradeKey(request: RequestView): string | null {
  const key = request.field('Sec-WebSocket-Key');
  const right =
    request.upgrade &&
    request.field('Upgrade')?.toLowerCase() === 'websocket' &&
    request.field('Sec-WebSocket-Version') === '13' &&
    key !== null &&
    isKey(key);
  return right ? key : null;
}

/** Through a proxy on this machine everybody is local; whoever came through one says so in a field. */
function isLocal(request: RequestView, { address }: Peer): boolean {
  if (address !== '::1' && !address.startsWith('127.')) return false;
  return !request
    .fields()
    .some(([name]) => /^(?:forwarded|via|x-forwarded-.*|x-real-ip)$/i.test(name));
}

function text(status: number, line: string): OwnReply {
  const headers = {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
  };
  return { status, headers, body: `${line}\n` };
}
