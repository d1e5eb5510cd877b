/**
 * Connections served by a function from Request to Response: node:http reads and writes HTTP on them,
 * without listening anywhere.
 */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createFetchBody } from './fetch-body.ts';
import { createHandlerServer } from './handler-server.ts';
import type { HandlerTarget } from './service.ts';

/**
 * Answers a request. Bodies are streams both ways, and who reads slowly makes the other side wait.
 * The signal of the request fires when its consumer is gone before the response is whole.
 */
export type FetchHandler = (request: Request) => Response | Promise<Response>;

export interface FetchTarget extends HandlerTarget {
  drain(): void;
}

/**
 * What the handler throws is answered with a plain 500, and a response body that fails breaks its
 * connection off; `failed` is told of both, unless the consumer was gone.
 */
export function createFetchTarget(
  handler: FetchHandler,
  failed: (error: unknown) => void,
): FetchTarget {
  const server = createHandlerServer();
  server.http.on('request', (incoming, outgoing) => void answer(incoming, outgoing));

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method, socket } = incoming;
    server.busy(socket);
    const gone = new AbortController();
    outgoing.on('close', () => {
      if (!outgoing.writableFinished && outgoing.errored === null) gone.abort();
      server.rest(socket);
    });
    const body = method === 'GET' || method === 'HEAD' ? null : createFetchBody(incoming);
    // What nobody reads must not hold up the next request of the connection.
    outgoing.on('finish', () => {
      if (body?.locked === false) body.cancel().catch(() => {});
    });
    try {
      const request = requestOf(incoming, body, gone.signal);
      if (request === null) refuse(outgoing, 400);
      else await send(await handler(request), outgoing);
    } catch (thrown) {
      if (gone.signal.aborted) return;
      failed(thrown);
      if (outgoing.headersSent) outgoing.destroy();
      else refuse(outgoing, 500);
    }
  }

  return server.target;
}

/** Null for what cannot be a Request: TRACE, a target that is no path, a host that is none. */
function requestOf(
  { method, url, headers, rawHeaders }: IncomingMessage,
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): Request | null {
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http';
  // Not resolved against a base: `//elsewhere/` is a path here.
  const whole = `${scheme}://${headers.host ?? 'localhost'}${url}`;
  if (!url!.startsWith('/') || !URL.canParse(whole) || method === 'TRACE') return null;
  const fields = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) fields.append(rawHeaders[i], rawHeaders[i + 1]);
  return new Request(whole, { method: method!, headers: fields, signal, body, duplex: 'half' });
}

/** Of one connection: not for a response that was fetched over another one (RFC 9110, section 7.6.1). */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** Resolves when the response has been handed over as a whole. */
async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  if (!(response instanceof Response) || response.status === 0)
    throw new TypeError('fetch handler: what it returned is no Response that can be sent');
  const { status, statusText, headers, body } = response;
  outgoing.statusCode = status;
  outgoing.statusMessage = statusText;
  for (const [name, value] of headers) if (!hopByHop.has(name)) outgoing.appendHeader(name, value);
  if (body === null) return void outgoing.end();
  if (outgoing.req.method === 'HEAD') {
    outgoing.end();
    return body.cancel();
  }
  // A body longer than its Content-Length would be taken for the next response.
  outgoing.strictContentLength = true;
  outgoing.flushHeaders();
  await pipeline(body, outgoing);
}

function refuse(outgoing: ServerResponse, status: number): void {
  outgoing.writeHead(status, { 'Content-Type': 'text/plain' });
  outgoing.end(`${http.STATUS_CODES[status]}\n`);
}
