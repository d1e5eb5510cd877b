/** An agent of WStunnel played by hand over the `ws` package: a test reads its requests and answers them. */
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { until } from './wait.ts';

export interface Asked {
  readonly id: string;
  readonly bytes: Buffer;
  readonly text: string;
  /** A response in the same tunnel, under the same id: head and body as they are. */
  answer(response: string | Buffer): void;
}

export interface PlayedAgent {
  readonly socket: WebSocket;
  readonly asked: readonly Asked[];
  /** The request of that number, counted from 0; waits for it. */
  request(n: number): Promise<Asked>;
  readonly closed: Promise<unknown>;
}

export const rendezvous = 'my_b!g_$secret!!';
export const byToken = { 'X-Token': rendezvous };

/** Connected. `answer` is what it says to each request by itself. */
export async function playAgent(
  t: TestContext,
  { port }: { port: number },
  { token = rendezvous, answer }: { token?: string; answer?: (asked: Asked) => void } = {},
): Promise<PlayedAgent> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/_tunnel`, {
    headers: { Origin: token },
    perMessageDeflate: false,
  });
  t.after(() => socket.terminate());
  const asked: Asked[] = [];
  socket.on('message', (data: Buffer) => {
    const id = data.toString('latin1', 0, 4);
    const bytes = data.subarray(4);
    const one: Asked = {
      id,
      bytes,
      text: bytes.toString('latin1'),
      answer: (response) => socket.send(Buffer.concat([Buffer.from(id), Buffer.from(response)])),
    };
    asked.push(one);
    answer?.(one);
  });
  const closed = once(socket, 'close');
  await once(socket, 'open');
  return {
    socket,
    asked,
    closed,
    async request(n) {
      await until(`request ${n} has come`, () => asked.length > n);
      return asked[n];
    },
  };
}

/** A whole response with a length. */
export function ok(body: string | Buffer, fields = ''): Buffer {
  const bytes = Buffer.from(body);
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n${fields}\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}
