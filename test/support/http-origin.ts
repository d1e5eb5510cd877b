/** The web application behind the tunnel: it writes down what it executes before it answers. */
import http from 'node:http';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import { digestOf, noiseStream } from './noise.ts';

export interface Origin {
  readonly port: number;
  readonly address: string;
  /** How often each `x-request-id` was executed. */
  readonly ledger: ReadonlyMap<string, number>;
  /** Heads as they arrived, in order: request line and field lines. */
  readonly heads: readonly string[];
  /** Connections open now. */
  readonly open: ReadonlySet<Socket>;
}

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => unknown;

/**
 * | path | answers |
 * |---|---|
 * | `/` | `hello` and the request's own fields as JSON in `x-seen` |
 * | `/whoami` | name of this origin |
 * | `/noise/N` | N bytes of noise with a Content-Length |
 * | `/chunks/N` | the same without a length, hence chunked |
 * | `/digest` | SHA-256 of the request's body |
 * | `/echo` | the body as it comes, from its first byte on |
 * | `/slow/MS` | `late`, after that many milliseconds |
 * | `/events` | a server-sent event at once, a second one after 30 s |
 * | `/trailers` | the body's digest in a trailer |
 * | `/refuse` | 413 without reading the body |
 * | `/status/N` | that status |
 * and WebSocket echo on every path.
 */
export async function startOrigin(
  t: TestContext,
  options: { name?: string; handlers?: Record<string, Handler>; log?: false } = {},
): Promise<Origin> {
  const ledger = new Map<string, number>();
  const heads: string[] = [];
  const open = new Set<Socket>();
  const handlers: Record<string, Handler> = {
    ...sample(options.name ?? 'origin'),
    ...options.handlers,
  };
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const id = request.headers['x-request-id'];
    if (typeof id === 'string') ledger.set(id, (ledger.get(id) ?? 0) + 1);
    if (options.log !== false) heads.push(headOf(request));
    const name = new URL(request.url!, 'http://origin').pathname.split('/')[1];
    Promise.resolve((handlers[name] ?? notFound)(request, response)).catch(() =>
      response.destroy(),
    );
  });
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  const sockets = new WebSocketServer({
    server,
    perMessageDeflate: false,
    handleProtocols: () => false,
  });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, address: `127.0.0.1:${port}`, ledger, heads, open };
}

function sample(name: string): Record<string, Handler> {
  return {
    '': (request, response) => {
      request.resume();
      response.setHeader('x-seen', JSON.stringify(request.rawHeaders));
      response.end('hello');
    },
    whoami: (request, response) => {
      request.resume();
      response.end(name);
    },
    noise: (request, response) => {
      const bytes = lastNumber(request);
      response.setHeader('content-length', bytes);
      noiseStream(bytes).pipe(response);
    },
    chunks: (request, response) => noiseStream(lastNumber(request)).pipe(response),
    digest: async (request, response) => {
      const { digest } = await digestOf(request);
      response.end(digest);
    },
    echo: (request, response) => {
      response.flushHeaders();
      request.pipe(response);
    },
    slow: (request, response) => {
      request.resume();
      setTimeout(() => response.end('late'), lastNumber(request));
    },
    events: (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
      const second = setTimeout(() => response.end('data: second\n\n'), 30_000);
      request.on('close', () => clearTimeout(second));
    },
    trailers: async (request, response) => {
      const hash = createHash('sha256');
      response.writeHead(200, { trailer: 'x-digest' });
      for await (const piece of request) {
        hash.update(piece as Buffer);
        response.write(piece);
      }
      response.addTrailers({
        'x-digest': hash.digest('hex'),
        'x-sent': String(request.trailers['x-sum']),
      });
      response.end();
    },
    refuse: (_request, response) => {
      response.statusCode = 413;
      response.end('too much');
    },
    status: (request, response) => {
      request.resume();
      response.statusCode = lastNumber(request);
      response.end();
    },
  };
}

function notFound(request: http.IncomingMessage, response: http.ServerResponse): void {
  request.resume();
  response.statusCode = 404;
  response.end('the origin knows no such path');
}

function lastNumber(request: http.IncomingMessage): number {
  return Number(request.url!.split('/').at(-1));
}

function headOf(request: http.IncomingMessage): string {
  const fields: string[] = [];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    fields.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
  }
  return [`${request.method} ${request.url}`, ...fields].join('\n');
}
