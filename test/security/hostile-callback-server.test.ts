/** Callback servers that break the rules, as clients of ours see them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type net from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import { startProxy, startReverse } from '../support/callback-peers.ts';
import { ACK, DATA, GO_AWAY, muxFrame, PING, SYN, WINDOW } from '../support/mux-frames.ts';
import { startEcho, startTcpTarget } from '../support/tcp-targets.ts';
import { until } from '../support/wait.ts';
import { websocketFrame } from '../support/websocket-frames.ts';

/** Does one of these things to each client that comes; what comes after the last is up to `rest`. */
async function startActs(
  t: TestContext,
  acts: readonly ((socket: WebSocket, raw: net.Socket) => void)[],
  rest: (socket: WebSocket) => void = () => {},
): Promise<{ url: string; came(): number }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  let came = 0;
  server.on('connection', (socket, request) => {
    socket.on('error', () => {});
    const act = acts[came++] ?? rest;
    act(socket, request.socket);
  });
  const { port } = server.address() as net.AddressInfo;
  return { url: `http://127.0.0.1:${port}`, came: () => came };
}

const brokenFrames = [
  websocketFrame({ opcode: 2, rsv: 0x40, payload: Buffer.from('x') }),
  websocketFrame({ opcode: 11 }),
  websocketFrame({ opcode: 0, payload: Buffer.from('x') }),
  websocketFrame({ opcode: 2, length: 2n ** 63n }),
  websocketFrame({ opcode: 9, fin: false }),
  websocketFrame({ opcode: 2, payload: Buffer.from('masked'), key: Buffer.alloc(4, 1) }),
];

test('a callbackreverse names what was wrong, dials nothing, and is back for a server that behaves', async (t) => {
  const echo = await startEcho(t);
  const mux = [
    muxFrame(PING, SYN, 0, 0, undefined, 1),
    muxFrame(9, 0, 0, 0),
    muxFrame(WINDOW, SYN, 2, 0),
    muxFrame(DATA, 0, 77, 3, Buffer.from('abc')),
    muxFrame(GO_AWAY, 0, 5, 0),
    muxFrame(WINDOW, ACK, 77, 0),
  ];
  let heard = Buffer.alloc(0);
  const { url } = await startActs(
    t,
    [
      ...brokenFrames.map((frame) => (_: WebSocket, raw: net.Socket) => void raw.write(frame)),
      ...mux.map((frame) => (socket: WebSocket) => socket.send(frame)),
    ],
    (socket) => {
      socket.on('message', (data: Buffer) => void (heard = Buffer.concat([heard, data])));
      socket.send(muxFrame(WINDOW, SYN, 1, 0));
      socket.send(muxFrame(DATA, 0, 1, 5, Buffer.from('hello')));
    },
  );
  const reverse = startReverse(t, { url }, 'box', echo.address);
  await until('the target has answered', () => heard.includes('hello'), 30_000);
  assert.deepEqual(
    reverse.losses.map((error) => error?.code),
    [...brokenFrames, ...mux].map(() => 'PROTOCOL_FRAME'),
  );
  assert.equal(echo.accepted(), 1);
});

test('a callbackproxy ends, and says which end broke the rules', async (t) => {
  const { url } = await startActs(
    t,
    brokenFrames.map((frame) => (_, raw) => void raw.write(frame)),
  );
  for (const _ of brokenFrames)
    await assert.rejects(startProxy(t, { url }, 'box').running, { code: 'PROTOCOL_FRAME' });
});

test('answers that grant no upgrade are refused by both clients', async (t) => {
  const answers = [
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'SSH-2.0-x\r\n\r\n',
    `HTTP/1.1 ${'x'.repeat(70_000)}`,
  ];
  for (const answer of answers) {
    const { port } = await startTcpTarget(t, (socket) => {
      socket.once('data', () => socket.end(answer));
    });
    const server = { url: `http://127.0.0.1:${port}` };
    const reverse = startReverse(t, server, 'box', '127.0.0.1:1', { reconnectMs: null });
    await assert.rejects(reverse.running, { code: 'SERVER_NOT_SALLYPORT' });
    await assert.rejects(startProxy(t, server, 'box').running, { code: 'SERVER_NOT_SALLYPORT' });
  }
});
