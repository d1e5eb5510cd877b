/** What the server answers itself, on hosts that no service holds: health, version, the attach door. */
import type { SallyportError } from '../../errors.ts';
import type { Wire } from '../../net/wire.ts';
import type { Stream, StreamReceiver } from '../../session/session.ts';
import type { Peer } from './peer.ts';

/** A request head as its endpoint sees it. */
export interface RequestView {
  readonly method: string;
  /** Target as received, without a query. */
  readonly path: string;
  /** What stands behind the question mark, as received; empty without one. */
  readonly query: string;
  /** Canonical host; empty when an HTTP/1.0 client named none. */
  readonly host: string;
  /** A valid upgrade is asked for: HTTP/1.1, Connection says so, and no body comes first. */
  readonly upgrade: boolean;
  /** Length of the body as Content-Length says; -1 without that field. */
  readonly length: number;
  /** The body is chunked: its length shows when it ends. */
  readonly chunked: boolean;
  /** Value of a field, its name in any case; null without one. Throws REQUEST_INVALID when it came twice. */
  field(name: string): string | null;
  /** All fields with their values, in the order they came. */
  fields(): [name: string, value: string][];
}

export interface OwnReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Takes the connection away from HTTP: it has the wire and what came behind the head, sets
 * `wire.reader` before it returns, and owns the wire from then on.
 */
export type Takeover = (wire: Wire, rest: Buffer) => void;

/** A service of the program itself: its requests are streamed to it as to a target, and its answers back. */
export interface OwnService {
  /** Requests of one client connection to services of the same name may share a stream. */
  readonly service: string;
  /** The stream of HTTP/1.1 to it. */
  open(receiver: StreamReceiver): Stream;
}

/** The first of them that knows the request answers it. */
export function chainEndpoints(chain: readonly OwnEndpoints[]): OwnEndpoints {
  return {
    find(request, peer) {
      for (const endpoints of chain) {
        const found = endpoints.find(request, peer);
        if (found !== null) return found;
      }
      return null;
    },
    failure(service, error) {
      for (const endpoints of chain) {
        const reply = endpoints.failure?.(service, error) ?? null;
        if (reply !== null) return reply;
      }
      return null;
    },
  };
}

export interface OwnEndpoints {
  /** Null: not one of ours. A SallyportError thrown here becomes the reply. */
  find(request: RequestView, peer: Peer): OwnReply | OwnService | Takeover | null;
  /**
   * What the consumer of a service is told of a request that failed, where another tool's users know
   * it in its words. Null: what all are told.
   */
  failure?(service: string, error: SallyportError): OwnReply | null;
}
