/** A small HTTP listener beside the traffic, for what machines ask for: health, metrics. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { SallyportError } from '../errors.ts';
import { HEALTH_CONNECTIONS_MAX, HEALTH_REQUEST_TIMEOUT_MS } from '../limits.ts';
import { formatAddress, type HostPort } from '../net/address.ts';

export interface ProbeListenerOptions {
  readonly listen: HostPort;
  /** What errors call it, such as `health`. */
  readonly name: string;
  /** Other methods are answered as GET is. Default: with 405. */
  readonly anyMethod?: boolean;
  /** The answer to GET of a path, given without its query. What it rejects with is answered 500. */
  answer(path: string): ProbeAnswer | Promise<ProbeAnswer>;
}

export interface ProbeAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface ProbeListener {
  readonly address: HostPort;
  /** Ends open connections too. Resolves when the port is free. */
  close(): Promise<void>;
}

/** Node looks for slow requests this often. Unit: milliseconds. */
const TIMEOUT_CHECK_MS = 1_000;

/** Resolves once it listens. Rejects with LISTEN_FAILED when the address cannot be had. */
export async function createProbeListener(options: ProbeListenerOptions): Promise<ProbeListener> {
  const { listen } = options;
  const server = http.createServer(
    {
      requestTimeout: HEALTH_REQUEST_TIMEOUT_MS,
      headersTimeout: HEALTH_REQUEST_TIMEOUT_MS,
      keepAliveTimeout: HEALTH_REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    },
    (request, response) => void reply(request, response, options),
  );
  server.maxConnections = HEALTH_CONNECTIONS_MAX;
  await listening(server, options);
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

function listening(server: http.Server, { listen, name }: ProbeListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `${name} listener ${formatAddress(listen)}: ${cause.message}`;
      reject(new SallyportError('LISTEN_FAILED', message, { cause }));
    });
    server.listen(listen.port, listen.host, resolve);
  });
}

async function reply(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  options: ProbeListenerOptions,
): Promise<void> {
  const { status, type, body } = await answer(request, options);
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answer(
  { method, url = '/' }: http.IncomingMessage,
  options: ProbeListenerOptions,
): Promise<ProbeAnswer> {
  if (!options.anyMethod && method !== 'GET' && method !== 'HEAD')
    return jsonAnswer(405, { error: 'use GET or HEAD' });
  try {
    return await options.answer(url.split('?', 1)[0]);
  } catch {
    return jsonAnswer(500, { error: `the ${options.name} listener failed` });
  }
}

export function jsonAnswer(status: number, body: unknown): ProbeAnswer {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}
