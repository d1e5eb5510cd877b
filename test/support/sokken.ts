/** Peers of sokken: our own server and client, and a client whose frames are written by hand. */
import { once } from 'node:events';
import net from 'node:net';
import type { TestContext } from 'node:test';
import {
  createSokkenClient,
  type SokkenClient,
  type SokkenClientOptions,
} from '../../src/compat/sokken/client.ts';
import { createSokkenDialect, type SokkenOptions } from '../../src/compat/sokken/dialect.ts';
import type { LocalRequest, SokkenRoute } from '../../src/compat/sokken/route.ts';
import type { SallyportError } from '../../src/errors.ts';
import type { StreamLine } from '../../src/observe/access-log.ts';
import type { Server } from '../../src/server/handle.ts';
import { composeServer, noteStreams } from './composition.ts';
import { until } from './wait.ts';
import { readWebsocketFrames, websocketFrame, type ReadFrame } from './websocket-frames.ts';

type ServerOptions = NonNullable<Parameters<typeof composeServer>[1]>;

export interface SokkenServer {
  readonly server: Server;
  readonly port: number;
  /** Tunnels that have ended. */
  readonly lines: StreamLine[];
  /** Of a tunnel to the address. */
  url(target: string): string;
}

/** Lets everybody in where nothing else is said. */
export async function startSokkenServer(
  t: TestContext,
  allow: readonly string[],
  sokken: Partial<SokkenOptions> = {},
  options: ServerOptions = {},
): Promise<SokkenServer> {
  const lines: StreamLine[] = [];
  const dialect = createSokkenDialect({ allow, auth: 'none', ...sokken });
  const server = await composeServer(t, {
    dialects: [(host) => dialect({ ...host, accessLog: noteStreams(lines) })],
    ...options,
  });
  const { port } = server.address;
  return { server, port, lines, url: (target) => `ws://127.0.0.1:${port}/tunnel/${target}` };
}

export interface RunningClient {
  readonly client: SokkenClient;
  /** The first route’s. */
  readonly port: number;
  /** In order: what was told of each connection. */
  readonly told: { what: string; request: LocalRequest; error?: SallyportError | null }[];
}

export async function startSokkenClient(
  t: TestContext,
  urls: readonly string[],
  options: Partial<SokkenClientOptions> = {},
  route: Partial<SokkenRoute> = {},
): Promise<RunningClient> {
  const told: RunningClient['told'] = [];
  const listen = { host: '127.0.0.1', port: 0 };
  const client = await createSokkenClient({
    routes: urls.map((url) => ({ listen, url: new URL(url), headers: {}, wayOut: {}, ...route })),
    maxConnections: 100,
    events: {
      requested: (request) => void told.push({ what: 'requested', request }),
      rejected: (request) => void told.push({ what: 'rejected', request }),
      joined: (request) => void told.push({ what: 'joined', request }),
      failed: (request, error) => void told.push({ what: 'failed', request, error }),
      over: (request, _active, _ms, error) => void told.push({ what: 'over', request, error }),
    },
    ...options,
  });
  t.after(() => client.close());
  return { client, port: client.addresses[0].port, told };
}

const key = Buffer.from('37fa213d', 'hex');

export interface RawTunnel {
  readonly socket: net.Socket;
  /** The head of the answer. */
  readonly head: string;
  frames(): ReadFrame[];
  /** Resolves with the first frame of that opcode. */
  frame(opcode: number): Promise<ReadFrame>;
  send(opcode: number, payload?: Buffer | string): void;
  /** The connection has ended. */
  readonly ended: () => boolean;
}

/** Asks for a tunnel as an original client does; the answer is another status where it is refused. */
export async function openRawTunnel(
  t: TestContext,
  port: number,
  target: string,
  fields: Record<string, string | null> = {},
  method = 'GET',
): Promise<RawTunnel> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  let heard = Buffer.alloc(0);
  let ended = false;
  socket.on('data', (piece: Buffer) => (heard = Buffer.concat([heard, piece])));
  socket.on('error', () => {}).on('close', () => (ended = true));
  await once(socket, 'connect');
  const all = {
    Host: `127.0.0.1:${port}`,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': 'sokken',
    ...fields,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}\r\n`],
  );
  socket.write(`${method} /tunnel/${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
  const at = (): number => heard.indexOf('\r\n\r\n');
  await until('the answer comes', () => at() >= 0 || ended);
  const end = at() + 4;
  const frames = (): ReadFrame[] => readWebsocketFrames(heard.subarray(end));
  return {
    socket,
    head: heard.toString('latin1', 0, end),
    frames,
    async frame(opcode) {
      const find = () => frames().find((one) => one.opcode === opcode);
      await until(`a frame ${opcode} comes`, () => find() !== undefined);
      return find()!;
    },
    send: (opcode, payload = '') =>
      void socket.write(websocketFrame({ opcode, payload: Buffer.from(payload), key })),
    ended: () => ended,
  };
}

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** Of a close frame without a reason. */
export function closeCode(code: number): Buffer {
  return Buffer.from([code >> 8, code & 255]);
}
