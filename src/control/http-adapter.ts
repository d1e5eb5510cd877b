/**
 * From a connection that the ingress gives away to a Request, and from a Response back to the
 * connection. One request each: the connection ends with its answer.
 */
import { SallyportError } from '../errors.ts';
import type { RequestView, Takeover } from '../ingress/http/own-endpoints.ts';
import { CONTROL_REQUESTS_MAX, DEADLINE_TICK_MS } from '../limits.ts';
import { createDeadlines } from '../net/deadlines.ts';
import type { Answer, HttpAdapterOptions } from './answer.ts';
import { ControlConnection, type ConnectionShared } from './connection.ts';
import { RequestBody } from './request-body.ts';

export interface HttpAdapter {
  /**
   * Takes the connection of this request over and has it answered once its body is whole. Throws
   * SERVER_BUSY, REQUEST_BODY_TOO_LONG, and CONTROL_UNKNOWN for a target that has another spelling.
   */
  takeover(view: RequestView, answer: Answer): TakenOver;
  /** Requests under way. */
  readonly active: number;
  /** Ends all of them. */
  close(): void;
}

export interface TakenOver {
  readonly takeover: Takeover;
  /** Ends the request, wherever it is. */
  end(): void;
}

/** CONNECT and TRACE cannot stand in a Request; the rest is for the operations to know. */
const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);

export function createHttpAdapter(options: HttpAdapterOptions): HttpAdapter {
  const deadlines = createDeadlines<ControlConnection>(options.tickMs ?? DEADLINE_TICK_MS);
  const shared: ConnectionShared = { ...options, deadlines };
  return {
    takeover(view, answer) {
      if (deadlines.size >= CONTROL_REQUESTS_MAX) {
        const why = `${CONTROL_REQUESTS_MAX} requests are under way`;
        throw new SallyportError('SERVER_BUSY', `control: ${why}`);
      }
      const connection = new ControlConnection(shared, {
        body: new RequestBody(view),
        request: requestMaker(view),
        headOnly: view.method === 'HEAD',
        expects: view.field('Expect')?.toLowerCase() === '100-continue',
        answer,
      });
      return {
        takeover: (wire, rest) => connection.start(wire, rest),
        end: () => connection.end(),
      };
    },

    get active() {
      return deadlines.size;
    },

    close() {
      for (const connection of deadlines.list()) connection.end();
      deadlines.close();
    },
  };
}

/** The head is copied: the view is void when the next head is read. */
function requestMaker(
  view: RequestView,
): (body: Buffer<ArrayBuffer>, signal: AbortSignal) => Request {
  const { method, path, query, host } = view;
  const authority = host.includes(':') ? `[${host}]` : host;
  const url = new URL(`http://${authority}${path}${query === '' ? '' : `?${query}`}`);
  // What is authorised is what is routed: a path has one spelling.
  if (!methods.has(method) || url.pathname !== path)
    throw new SallyportError('CONTROL_UNKNOWN', `control: ${method} of this path is no operation`);
  const headers = new Headers();
  for (const [name, value] of view.fields()) headers.append(name, value);
  return (body, signal) => {
    const bare = method === 'GET' || method === 'HEAD';
    if (bare && body.length > 0)
      throw new SallyportError('REQUEST_INVALID', `control: ${method} takes no body`);
    return new Request(url, { method, headers, signal, ...(bare ? {} : { body }) });
  };
}
