/** What stands behind an ingress under test: services on local ports, and the lines that were logged. */
import { once } from 'node:events';
import net from 'node:net';
import type { TestContext } from 'node:test';
import { SallyportError } from '../../src/errors.ts';
import type { AccessLog, StreamLine } from '../../src/observe/access-log.ts';
import type { Gate } from '../../src/registry/gate.ts';
import type { StreamRequest } from '../../src/registry/upstream.ts';
import { DialledStream } from './dialled-stream.ts';
import { openGate } from './gate.ts';
import { until } from './wait.ts';

export interface ServiceDoor {
  readonly gate: Gate;
  readonly accessLog: AccessLog;
  newId(): string;
  readonly log: { warn(): void };
  /** What was opened, and with what. */
  readonly streams: DialledStream[];
  readonly requests: StreamRequest[];
  readonly lines: StreamLine[];
  /** Waits for the line of that number, counted from 0. */
  line(n: number): Promise<StreamLine>;
}

/** Services by name; every other one is unknown. */
export function openDoor(t: TestContext, services: Readonly<Record<string, number>>): ServiceDoor {
  const streams: DialledStream[] = [];
  const requests: StreamRequest[] = [];
  const lines: StreamLine[] = [];
  t.after(() => {
    for (const { socket } of streams) socket.destroy();
  });
  return {
    streams,
    requests,
    lines,
    gate: openGate({
      open(request, receiver) {
        requests.push(request);
        const port = services[request.service];
        if (port === undefined)
          throw new SallyportError('SERVICE_ABSENT', `service ${request.service}: no agent`);
        const stream = new DialledStream(port, receiver);
        streams.push(stream);
        return { stream, upstream: { id: 'u', streams: 0, open: () => stream } };
      },
    }),
    accessLog: { stream: (line) => void lines.push(line), request: () => {} },
    newId: () => `id-${requests.length}`,
    log: { warn() {} },
    async line(n) {
      await until(`line ${n} is logged`, () => lines.length > n);
      return lines[n];
    },
  };
}

/** A server on a free port of 127.0.0.1; gives the port. Its sockets are closed with the test. */
export async function serveSockets(
  t: TestContext,
  serve: (socket: net.Socket) => void,
): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('error', () => {}));
    serve(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as net.AddressInfo).port;
}

export interface Client {
  readonly socket: net.Socket;
  /** Everything that has come. */
  received(): Buffer;
  /** Resolves at the orderly end of the data, rejects when the connection breaks. */
  readonly ended: Promise<void>;
}

/** Connects, keeps what comes, and is closed with the test. */
export function connectClient(t: TestContext, options: net.TcpNetConnectOpts): Client {
  const socket = net.connect({ host: '127.0.0.1', allowHalfOpen: true, ...options });
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  ended.catch(() => {});
  socket.on('end', resolve);
  socket.on('error', reject);
  t.after(() => socket.destroy());
  return { socket, ended, received: () => Buffer.concat(pieces) };
}
