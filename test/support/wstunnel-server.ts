/** A server of WStunnel played by hand over the `ws` package: a test sends requests and reads what comes back. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import { until } from './wait.ts';

export interface PlayedServer {
  readonly port: number;
  /** Origin and path of each connection. */
  readonly came: { readonly origin: string | undefined; readonly path: string | undefined }[];
  /** The newest connection. */
  socket(): WebSocket;
  /** Whole messages from the client. */
  readonly said: Buffer[];
  /** Pings from the client. */
  pings(): number;
  /** Sends a message of these bytes behind the id, and waits for the answer under it: without the id. */
  ask(id: string, request: string | Buffer): Promise<string>;
}

export async function playServer(t: TestContext): Promise<PlayedServer> {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    perMessageDeflate: false,
    maxPayload: 104_857_600,
  });
  await once(server, 'listening');
  const sockets: WebSocket[] = [];
  const said: Buffer[] = [];
  const came: PlayedServer['came'] = [];
  let pings = 0;
  server.on('connection', (socket, request) => {
    sockets.push(socket);
    came.push({ origin: request.headers.origin, path: request.url });
    socket.on('message', (data: Buffer) => said.push(data));
    socket.on('ping', () => pings++);
    socket.on('error', () => {});
  });
  t.after(() => {
    for (const socket of sockets) socket.terminate();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    came,
    said,
    socket: () => sockets.at(-1)!,
    pings: () => pings,
    async ask(id, request) {
      const from = said.length;
      sockets.at(-1)!.send(Buffer.concat([Buffer.from(id), Buffer.from(request)]));
      const answer = (): Buffer | undefined =>
        said.slice(from).find((message) => message.toString('latin1', 0, 4) === id);
      await until(`${id} is answered`, () => answer() !== undefined);
      return answer()!.toString('latin1', 4);
    },
  };
}
