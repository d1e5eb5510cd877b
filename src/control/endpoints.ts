/** The control API among the server's own endpoints: `/api/v1/…` and `/metrics`. */
import type { Current } from '../registry/rejudge.ts';
import type { Identity } from '../access/identity.ts';
import { SallyportError } from '../errors.ts';
import type { OwnEndpoints, OwnReply, RequestView } from '../ingress/http/own-endpoints.ts';
import type { Logger } from '../observe/logger.ts';
import type { ControlApi } from './api.ts';
import type { Door } from './door.ts';
import { safeHeaders } from './error-response.ts';
import type { HttpAdapterOptions } from './answer.ts';
import { createHttpAdapter } from './http-adapter.ts';
import { CONTROL_BASE } from './operations.ts';

export interface ControlEndpointsOptions extends Pick<
  HttpAdapterOptions,
  'newId' | 'bodyTimeoutMs' | 'stallMs' | 'tickMs'
> {
  readonly door: Door;
  /** Whether a host belongs to services, also where none holds it now: there is no control there. */
  isServiceHost(host: string): boolean;
  readonly api: ControlApi;
  readonly log: Pick<Logger, 'error'>;
}

export interface ControlEndpoints extends OwnEndpoints {
  /** Requests under way, those that follow events among them. */
  readonly active: number;
  /** Who follows events, and is known no longer or no longer as an admin, does so no more. */
  rejudge(current: Current): void;
  /** Ends everything. */
  close(): void;
}

/** Who follows events, and what ends that. */
interface Follower {
  identity: Identity;
  readonly end: () => void;
}

export function createControlEndpoints(options: ControlEndpointsOptions): ControlEndpoints {
  const { door, api, log } = options;
  const followers = new Set<Follower>();
  const adapter = createHttpAdapter({
    ...options,
    defect: (error, id) => log.error({ error, id }, 'control failed for an unforeseen reason'),
  });

  function attend(signal: AbortSignal, follower: Follower): void {
    const timer = endAt(follower.identity.expiresAt, follower.end);
    followers.add(follower);
    const leave = (): void => {
      clearTimeout(timer);
      followers.delete(follower);
    };
    signal.addEventListener('abort', leave);
    if (signal.aborted) leave();
  }

  return {
    find(request, peer) {
      if (!isControl(request.path) || options.isServiceHost(request.host)) return null;
      if (request.method === 'OPTIONS') return preflight(request, door);
      const admitted = door.admit(request, peer);
      // It is awaited once the body is whole, which may be never.
      if (admitted instanceof Promise) admitted.catch(() => {});
      const sharing = door.sharing(request);
      const { takeover, end } = adapter.takeover(request, async (whole, requestId) => {
        const identity = await admitted;
        const response = await api(whole, { identity, peer: peer.text, requestId });
        if (isEndless(response)) attend(whole.signal, { identity, end });
        for (const [name, value] of Object.entries(sharing)) response.headers.set(name, value);
        return response;
      });
      return takeover;
    },

    get active() {
      return adapter.active;
    },

    rejudge(current) {
      for (const follower of followers) {
        const identity = current(follower.identity);
        if (identity?.roles.has('admin')) follower.identity = identity;
        else follower.end();
      }
    },

    close: () => adapter.close(),
  };
}

/** Timers that are longer fire at once. Unit: milliseconds. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Who follows events does so until the credentials end. */
function endAt(time: number, end: () => void): NodeJS.Timeout | undefined {
  if (time === Infinity) return undefined;
  return setTimeout(end, Math.min(Math.max(time - Date.now(), 0), TIMER_MAX_MS)).unref();
}

function isEndless({ headers }: Response): boolean {
  return headers.get('Content-Type') === 'text/event-stream';
}

function isControl(path: string): boolean {
  return path === '/metrics' || path === CONTROL_BASE || path.startsWith(`${CONTROL_BASE}/`);
}

/** A browser asks before it lets a page ask: Fetch Standard, "CORS-preflight fetch". */
function preflight(request: RequestView, door: Door): OwnReply {
  const sharing = door.sharing(request);
  if (Object.keys(sharing).length > 0)
    return { status: 200, headers: { ...safeHeaders, ...sharing }, body: '' };
  throw new SallyportError('CONTROL_DENIED', 'control: this page may not ask');
}
