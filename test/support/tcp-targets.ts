/** TCP services for an agent to stand beside. All listen on a free loopback port and end with their test. */
import net from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

export interface TcpTarget {
  readonly port: number;
  readonly address: string;
  /** Connections open now. */
  readonly open: ReadonlySet<net.Socket>;
  /** Connections there have been. */
  readonly accepted: () => number;
  /** Stops listening and breaks what is open. */
  close(): Promise<void>;
}

/** Serves each connection with `serve`; half-open connections are kept. */
export async function startTcpTarget(
  t: TestContext,
  serve: (socket: net.Socket) => void,
  options: { port?: number; pauseOnConnect?: boolean } = {},
): Promise<TcpTarget> {
  const open = new Set<net.Socket>();
  let accepted = 0;
  const server = net.createServer(
    { allowHalfOpen: true, pauseOnConnect: options.pauseOnConnect ?? false },
    (socket) => {
      accepted++;
      open.add(socket);
      socket.on('close', () => open.delete(socket));
      socket.on('error', () => {}); // the test looks at what arrived, not at how it ended
      serve(socket);
    },
  );
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  t.after(close);
  return { port, address: `127.0.0.1:${port}`, open, accepted: () => accepted, close };
}

/** Sends back what it gets; its FIN follows the client's. */
export function startEcho(t: TestContext): Promise<TcpTarget> {
  return startTcpTarget(t, (socket) => socket.pipe(socket));
}

/** Says a word first and then nothing, as ssh and mail servers do. */
export function startGreeter(t: TestContext, word: string): Promise<TcpTarget> {
  return startTcpTarget(t, (socket) => socket.write(word));
}

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Connects, sends, half-closes, and gives all that came back until the other side's FIN. */
export async function converse(port: number, send: string | Buffer): Promise<Buffer> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(send);
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
