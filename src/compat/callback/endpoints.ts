/** The protocol's endpoints: two lists, their changes, and the WebSockets of both kinds of peer. */
import type { Identity } from '../../access/identity.ts';
import { missingRole } from '../../access/scopes.ts';
import { SallyportError } from '../../errors.ts';
import { grantLater } from '../../ingress/http/late-grant.ts';
import { replyLate } from '../../ingress/http/late-reply.ts';
import type {
  OwnEndpoints,
  OwnReply,
  RequestView,
  Takeover,
} from '../../ingress/http/own-endpoints.ts';
import type { Peer } from '../../ingress/http/peer.ts';
import { CALLBACK_READERS_MAX } from '../../limits.ts';
import type { Wire } from '../../net/wire.ts';
import { EVERY_ID, type Admission } from './admission.ts';
import { ChangesReader } from './changes.ts';
import type { Doors } from './doors.ts';
import type { Listing } from './listing.ts';
import { findPage } from './page.ts';
import { findEndpoint, isBelowEndpoint, type Endpoint, type ListName } from './paths.ts';

export interface EndpointsOptions {
  /** Stands before every path; empty for none. */
  readonly contextPath: string;
  /** Serve the page and what belongs to it as well. */
  readonly page: boolean;
  readonly admission: Admission;
  readonly doors: Doors;
  readonly listings: Readonly<Record<ListName, Listing>>;
  readonly readers: Set<ChangesReader>;
}

export function createEndpoints(options: EndpointsOptions): OwnEndpoints {
  const { contextPath, admission, doors, listings, readers } = options;

  /** Who sees the lists: everybody where every id is open, else who may control the server. */
  function look(request: RequestView, peer: Peer, show: () => OwnReply | Takeover) {
    const admitted = admission.admit(request, peer, EVERY_ID);
    if (!(admitted instanceof Promise)) {
      demandAdmin(admitted);
      return show();
    }
    const grant = (identity: Identity | null, wire: Wire, rest: Buffer): void => {
      demandAdmin(identity);
      const shown = show();
      if (typeof shown === 'function') shown(wire, rest);
      else replyLate(wire, shown);
    };
    return grantLater(admitted, grant, admission.refuse);
  }

  function changes(listing: Listing): Takeover {
    if (readers.size >= CALLBACK_READERS_MAX) {
      const why = `${CALLBACK_READERS_MAX} others follow the changes`;
      throw new SallyportError('SERVER_BUSY', `callback: ${why}`);
    }
    return (wire) => {
      readers.add(new ChangesReader(wire, listing, (reader) => void readers.delete(reader)));
    };
  }

  function serve(endpoint: Endpoint, request: RequestView, peer: Peer): OwnReply | Takeover {
    const { method } = request;
    const methods = endpoint.kind === 'tunnel' ? ['GET', 'POST'] : ['GET'];
    const headers = { Allow: [...methods, 'OPTIONS'].join(', ') };
    if (method === 'OPTIONS') return { status: 200, headers, body: '' };
    if (!methods.includes(method)) return { status: 405, headers, body: 'Method Not Allowed\n' };
    if (endpoint.kind === 'tunnel') return doors.open(endpoint, request, peer);
    const listing = listings[endpoint.list];
    return look(request, peer, () =>
      endpoint.kind === 'changes' ? changes(listing) : listReply(endpoint.list, listing),
    );
  }

  return {
    find(request, peer) {
      const { path, method } = request;
      if (contextPath !== '' && !path.startsWith(`${contextPath}/`)) return null;
      const inside = path.slice(contextPath.length);
      const endpoint = findEndpoint(inside);
      if (endpoint !== null) return serve(endpoint, request, peer);
      if (inside.endsWith('/') && findEndpoint(inside.slice(0, -1)) !== null)
        return { status: 301, headers: { Location: path.slice(0, -1) }, body: '' };
      if (isBelowEndpoint(inside))
        return { status: 404, headers: {}, body: '404 page not found\n' };
      return options.page && method === 'GET' ? findPage(inside, contextPath) : null;
    },
  };
}

function demandAdmin(identity: Identity | null): void {
  const denied = identity === null ? null : missingRole(identity, 'admin');
  if (denied !== null) throw denied;
}

/** The list of callbacks is keyed by their ids, that of connections is not. */
function listReply(list: ListName, listing: Listing): OwnReply {
  const entries = listing.entries();
  const sessions =
    list === 'connect'
      ? entries
      : Object.fromEntries(entries.map(({ callback_id: id, ...fields }) => [id, fields]));
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  const body = JSON.stringify({ sequence_num: listing.sequence, sessions });
  return { status: 200, headers, body };
}
