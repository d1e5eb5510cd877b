/** The health listener of an agent, for probes: `/healthz`, `/readyz` and `/version`, as JSON. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { SallyportError } from '../errors.ts';
import { HEALTH_CONNECTIONS_MAX, HEALTH_REQUEST_TIMEOUT_MS } from '../limits.ts';
import { formatAddress, parseListenAddress, type HostPort } from '../net/address.ts';

export interface HealthOptions {
  /** `HOST:PORT`, `:PORT` or `PORT`; loopback when no host is given. */
  readonly listen: string;
  /** Asked for each `/readyz`; `detail` is shown as JSON to whoever can reach the listener. */
  ready(): { readonly ready: boolean; readonly detail: unknown };
  readonly version: string;
}

export interface HealthListener {
  readonly address: HostPort;
  /** Ends open connections too. Resolves when the port is free. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Node looks for slow requests this often. Unit: milliseconds. */
const TIMEOUT_CHECK_MS = 1_000;

/** Resolves once it listens. Throws USAGE for a malformed address, LISTEN_FAILED when it cannot be had. */
export async function createHealthListener(options: HealthOptions): Promise<HealthListener> {
  const listen = parseListenAddress(options.listen, '127.0.0.1');
  const server = http.createServer(
    {
      requestTimeout: HEALTH_REQUEST_TIMEOUT_MS,
      headersTimeout: HEALTH_REQUEST_TIMEOUT_MS,
      keepAliveTimeout: HEALTH_REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    },
    (request, response) => reply(request, response, options),
  );
  server.maxConnections = HEALTH_CONNECTIONS_MAX;
  await listening(server, listen);
  const { port } = server.address() as AddressInfo;
  return {
    address: { host: listen.host, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: http.Server, listen: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `health listener ${formatAddress(listen)}: ${cause.message}`;
      reject(new SallyportError('LISTEN_FAILED', message, { cause }));
    });
    server.listen(listen.port, listen.host, resolve);
  });
}

function reply(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  options: HealthOptions,
): void {
  const { status, body } = answer(request, options);
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function answer({ method, url = '/' }: http.IncomingMessage, options: HealthOptions): Answer {
  if (method !== 'GET' && method !== 'HEAD')
    return { status: 405, body: { error: 'use GET or HEAD' } };
  switch (url.split('?', 1)[0]) {
    case '/healthz':
      return { status: 200, body: { status: 'ok' } };
    case '/readyz': {
      const { ready, detail } = options.ready();
      return { status: ready ? 200 : 503, body: { ready, detail } };
    }
    case '/version':
      return { status: 200, body: { version: options.version } };
    default:
      return { status: 404, body: { error: 'here are /healthz, /readyz and /version' } };
  }
}
