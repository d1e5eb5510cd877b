/** Peers of the callback protocol: our own clients, and WebSockets of the `ws` package. */
import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { DialectHost } from '../../src/compat/dialect.ts';
import { tunnelUrl } from '../../src/compat/callback/client-url.ts';
import { createCallbackDialect, type CallbackOptions } from '../../src/compat/callback/dialect.ts';
import { runProxy, type ProxyOptions } from '../../src/compat/callback/proxy.ts';
import { runReverse, type ReverseOptions } from '../../src/compat/callback/reverse.ts';
import type { SallyportError } from '../../src/errors.ts';
import { parseTarget } from '../../src/net/target.ts';
import type { StreamLine } from '../../src/observe/access-log.ts';
import type { Server } from '../../src/server/handle.ts';
import { composeServer, noteStreams } from './composition.ts';
import { ask } from './http-client.ts';
import { until } from './wait.ts';

type ServerOptions = NonNullable<Parameters<typeof composeServer>[1]>;

/** A server that speaks callback, with every id open where nothing else is said. */
export async function startCallbackServer(
  t: TestContext,
  callback: CallbackOptions = {},
  options: ServerOptions = {},
  /** Put in the place of what the server gives to its dialects. */
  host: Partial<DialectHost> = {},
): Promise<{ port: number; url: string; server: Server }> {
  const dialect = createCallbackDialect({ open: ['*'], ...callback });
  const dialects = [(given: DialectHost) => dialect({ ...given, ...host })];
  const server = await composeServer(t, { dialects, ...options });
  const { port } = server.address;
  return { port, url: `http://127.0.0.1:${port}${callback.contextPath ?? ''}`, server };
}

export interface Reverse {
  /** Streams that have ended. */
  readonly lines: StreamLine[];
  /** What each end of a session or attempt was. */
  readonly losses: (SallyportError | null)[];
  readonly running: Promise<void>;
  /** Resolves when it has been connected so often. */
  established(times?: number): Promise<unknown>;
  stop(): Promise<void>;
}

/** Our callbackreverse; it comes back at once. */
export function startReverse(
  t: TestContext,
  server: { url: string },
  id: string,
  target: string,
  options: Partial<ReverseOptions> = {},
): Reverse {
  const lines: StreamLine[] = [];
  const losses: (SallyportError | null)[] = [];
  const stop = new AbortController();
  let established = 0;
  const running = runReverse(
    {
      url: tunnelUrl(server.url, 'callback', id),
      id,
      target: parseTarget(target),
      wayOut: {},
      headers: {},
      timeoutMs: 5_000,
      reconnectMs: 20,
      accessLog: noteStreams(lines),
      events: {
        upgraded() {},
        established: () => void established++,
        lost: (error) => void losses.push(error),
      },
      ...options,
    },
    stop.signal,
  );
  running.catch(() => {});
  const end = async (): Promise<void> => {
    stop.abort();
    await running.catch(() => {});
  };
  t.after(end);
  return {
    lines,
    losses,
    running,
    established: (times = 1) => until(`connected ${times} times`, () => established >= times),
    stop: end,
  };
}

/** The server lists the id. */
export function registered(server: { url: string }, id: string): Promise<unknown> {
  return until(`${id} is listed`, async () =>
    Object.hasOwn((await callbacks(server)).sessions, id),
  );
}

export interface CallbackList {
  sequence_num: number;
  sessions: Record<string, { connected_at: string; remote_addr: string; num_clients: number }>;
}

export interface ConnectList {
  sequence_num: number;
  sessions: {
    bytes_out: number;
    bytes_in: number;
    connected_at: string;
    remote_addr: string;
    callback_id: string;
  }[];
}

export async function callbacks(server: { url: string }): Promise<CallbackList> {
  return (await look(server, 'callback')) as CallbackList;
}

export async function connections(server: { url: string }): Promise<ConnectList> {
  return (await look(server, 'connect')) as ConnectList;
}

async function look({ url }: { url: string }, list: string): Promise<unknown> {
  const { port, pathname } = new URL(url);
  const path = `${pathname.replace(/\/$/, '')}/api/v1/${list}`;
  const { status, text } = await ask({ port: Number(port), path });
  if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  return JSON.parse(text);
}

/** Our callbackproxy: what is written to the duplex goes to the service. */
export function startProxy(
  t: TestContext,
  server: { url: string },
  id: string,
  options: Partial<ProxyOptions> = {},
): { duplex: Duplex; running: Promise<void>; stop(): void } {
  const [ours, theirs] = duplexPair();
  const stop = new AbortController();
  const running = runProxy(
    {
      url: tunnelUrl(server.url, 'connect', id),
      headers: {},
      wayOut: {},
      timeoutMs: 5_000,
      duplex: theirs,
      ...options,
    },
    stop.signal,
  );
  running.catch(() => {});
  t.after(async () => {
    stop.abort();
    ours.destroy();
    await running.catch(() => {});
  });
  return { duplex: ours, running, stop: () => stop.abort() };
}

export interface Visitor {
  readonly socket: WebSocket;
  heard(): Buffer;
  /** Resolves when so many bytes have come. */
  hears(bytes: number): Promise<unknown>;
  /** Resolves with the close code: 1005 and 1006 stand for none. */
  readonly closed: Promise<number>;
}

/** A consumer of another maker. Rejects with the status of a refusal in the message. */
export async function visit(
  t: TestContext,
  server: { url: string },
  id: string,
  headers: Record<string, string> = {},
): Promise<Visitor> {
  const url = tunnelUrl(server.url, 'connect', id);
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  t.after(() => socket.terminate());
  const pieces: Buffer[] = [];
  let bytes = 0;
  socket.on('message', (data: Buffer) => {
    pieces.push(data);
    bytes += data.length;
  });
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await once(socket, 'open');
  socket.on('error', () => {});
  return {
    socket,
    heard: () => Buffer.concat(pieces),
    hears: (n) => until(`${n} bytes come`, () => bytes >= n),
    closed,
  };
}
