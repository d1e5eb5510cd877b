/** Dials a server by WebSocket: the way out, the upgrade, and the link that stands after it. */
import { SallyportError } from '../errors.ts';
import { HANDSHAKE_TIMEOUT_MS, LINK_SLAB_BYTES } from '../limits.ts';
import { SlabPool } from '../net/slab.ts';
import type { Link } from '../transport/link.ts';
import type { WayOut } from '../transport/outgoing/way-out.ts';
import { dialWebSocket, UpgradeRefused } from '../transport/websocket/dial.ts';
import { WebSocketLink } from '../transport/websocket/link.ts';
import { PROTOCOL } from './messages.ts';
import { refusalOf } from './refusal.ts';

export const ATTACH_PATH = '/api/v1/attach';

/** Slabs of all links of this process. */
export const linkSlabs = new SlabPool(LINK_SLAB_BYTES);

export interface DialOptions {
  /** ws, wss, http or https; a path before `/api/v1/attach` is kept. */
  url: URL;
  /** Empty: none, for a client whose certificate says who it is. */
  token: string;
  /** How to get there. */
  wayOut?: WayOut;
  /** Sent as User-Agent. */
  program: string;
  /** Masks with random keys even where nobody can read the frames. */
  randomMask?: boolean;
  signal: AbortSignal;
}

/**
 * Resolves with a link whose bytes have not been read yet. Rejects with SERVER_UNREACHABLE,
 * SERVER_TLS, SERVER_NOT_SALLYPORT, HANDSHAKE_TIMEOUT, a PROXY code, the error the server named, or
 * the reason of the signal when that is aborted, and with USAGE when the URL or the token cannot
 * stand in a request.
 */
export async function dial(options: DialOptions): Promise<Link> {
  const { url, wayOut = {}, signal } = options;
  const { wire, rest, masking, protocol } = await dialWebSocket({
    url: new URL(`${url.pathname.replace(/\/$/, '')}${ATTACH_PATH}`, url),
    protocol: PROTOCOL,
    headers: clientFields(options),
    wayOut,
    timeoutMs: HANDSHAKE_TIMEOUT_MS,
    pool: linkSlabs,
    signal,
  }).catch((thrown: unknown) => {
    throw thrown instanceof UpgradeRefused ? refusalOf(url, thrown.head, thrown.body) : thrown;
  });
  // After its 101 a server waits for our hello: nothing of the link can stand behind the head.
  const fault =
    protocol !== PROTOCOL
      ? `it does not speak ${PROTOCOL}`
      : rest.length > 0
        ? 'it sent bytes before our hello'
        : null;
  if (fault === null) return new WebSocketLink(wire, options.randomMask ? 'random' : masking);
  wire.destroy();
  throw new SallyportError(
    'SERVER_NOT_SALLYPORT',
    `dial: ${url.host} answered the upgrade wrongly: ${fault}`,
  );
}

/** What a client says of itself, whatever the transport. */
export function clientFields({ token, program }: DialOptions): Record<string, string> {
  return {
    ...(token === '' ? {} : { Authorization: `Bearer ${token}` }),
    Accept: 'application/json',
    'User-Agent': program,
  };
}
