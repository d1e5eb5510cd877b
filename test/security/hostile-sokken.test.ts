/** Peers of sokken that break the rules: a named error, the process stays, other tunnels are unharmed. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import {
  BINARY,
  CLOSE,
  closeCode,
  openRawTunnel,
  startSokkenClient,
  startSokkenServer,
  type RawTunnel,
} from '../support/sokken.ts';
import { converse, startEcho, startTcpTarget } from '../support/tcp-targets.ts';
import { until, within } from '../support/wait.ts';
import { websocketFrame, type FrameParts } from '../support/websocket-frames.ts';

const key = Buffer.from('37fa213d', 'hex');

async function stage(t: TestContext) {
  const echo = await startEcho(t);
  const server = await startSokkenServer(t, [echo.address]);
  const { port } = await startSokkenClient(t, [server.url(echo.address)]);
  const good = net.connect({ port, host: '127.0.0.1' });
  t.after(() => good.destroy());
  return {
    ...server,
    echo,
    open: (): Promise<RawTunnel> => openRawTunnel(t, server.port, echo.address),
    async stillWorks(): Promise<void> {
      good.write('.');
      const [piece] = (await within(5_000, once(good, 'data'))) as [Buffer];
      assert.equal(String(piece), '.');
    },
  };
}

const broken: [string, FrameParts][] = [
  ['a text message', { opcode: 1, payload: Buffer.from('x') }],
  ['a reserved bit', { opcode: BINARY, rsv: 0x40, payload: Buffer.from('x') }],
  ['a reserved opcode', { opcode: 5 }],
  ['a huge length', { opcode: BINARY, length: 1n << 62n, lengthBytes: 8 }],
  ['a continuation of nothing', { opcode: 0, payload: Buffer.from('x') }],
  ['a long ping', { opcode: 9, payload: Buffer.alloc(126) }],
  ['a close frame of one byte', { opcode: CLOSE, payload: Buffer.of(3) }],
  ['a close code that must not be sent', { opcode: CLOSE, payload: closeCode(1005) }],
];

test('broken frames end their own tunnel, by name', async (t) => {
  const { open, lines, echo, stillWorks } = await stage(t);
  await stillWorks();
  for (const [name, parts] of broken) {
    const tunnel = await open();
    const before = lines.length;
    tunnel.socket.write(websocketFrame({ ...parts, key }));
    const { payload } = await tunnel.frame(CLOSE);
    assert.ok([1002, 1003].includes(payload.readUInt16BE()), name);
    await until(`it is over: ${name}`, () => lines.length > before);
    assert.equal(lines.at(-1)!.outcome, 'PROTOCOL_FRAME', name);
    await stillWorks();
  }
  await until('the targets are left', () => echo.open.size === 1);
});

test('frames that are not masked, and noise, end their own tunnel', async (t) => {
  const { open, lines, echo, stillWorks } = await stage(t);
  for (const bytes of [websocketFrame({ opcode: BINARY, payload: Buffer.from('x') })]) {
    (await open()).socket.write(bytes);
    await until('it is over', () => lines.length > 0);
    assert.equal(lines[0].outcome, 'PROTOCOL_FRAME');
  }
  for (let n = 0; n < 50; n++) {
    const tunnel = await open();
    tunnel.socket.end(randomBytes(2_000));
  }
  await until('all are over', () => lines.length === 51 && echo.open.size <= 1);
  await stillWorks();
});

test('a peer that announces much and sends little costs nothing but its place', async (t) => {
  const { open, echo, stillWorks } = await stage(t);
  const header = websocketFrame({ opcode: BINARY, length: 60n << 20n, lengthBytes: 8, key });
  const tunnels = await Promise.all(Array.from({ length: 20 }, open));
  const before = process.memoryUsage().rss;
  for (const { socket } of tunnels) socket.write(header);
  await stillWorks();
  assert.ok(process.memoryUsage().rss - before < 64 << 20);
  for (const { socket } of tunnels) socket.destroy();
  await until('the targets are left', () => echo.open.size === 1);
});

test('what is sent behind a close frame is not passed on', async (t) => {
  const heard: Buffer[] = [];
  const target = await startTcpTarget(
    t,
    (socket) => void socket.on('data', (piece: Buffer) => heard.push(piece)),
  );
  const { port, lines } = await startSokkenServer(t, [target.address]);
  const tunnel = await openRawTunnel(t, port, target.address);
  tunnel.send(BINARY, 'before');
  tunnel.send(CLOSE, closeCode(1000));
  tunnel.send(BINARY, 'behind');
  await until('it ends', tunnel.ended);
  for (const socket of target.open) socket.end();
  await until('it is over', () => lines.length === 1);
  assert.equal(String(Buffer.concat(heard)), 'before');
});

test('a target that floods a client which has left is cut off', async (t) => {
  const target = await startTcpTarget(t, (socket) => {
    const more = (): void => {
      while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
    };
    socket.on('drain', more);
    more();
  });
  const { port, lines } = await startSokkenServer(t, [target.address]);
  const tunnel = await openRawTunnel(t, port, target.address);
  await tunnel.frame(BINARY);
  tunnel.send(CLOSE, closeCode(1000));
  await until('the target is left', () => target.open.size === 0 && lines.length === 1);
  assert.equal(lines[0].outcome, 'STREAM_RESET');
});

test('addresses with whatever in them are refused, and dial nothing', async (t) => {
  const trap = await startEcho(t);
  const { port } = await startSokkenServer(t, ['allowed.invalid:1']);
  const { port: p } = trap;
  for (const target of [
    `127.0.0.1:${p}`,
    `allowed.invalid:1@127.0.0.1:${p}`,
    `127.0.0.1:${p}%23allowed.invalid:1`,
    `127.0.0.1:${p}%00`,
    `127.0.0.1:${p}%0d%0a`,
    `allowed.invalid:1%2f..%2f127.0.0.1:${p}`,
    `2130706433:${p}`,
    `[::ffff:127.0.0.1]:${p}`,
    `0x7f.1:${p}`,
    '%ff%fe',
    'a'.repeat(8_000),
  ]) {
    const tunnel = await openRawTunnel(t, port, target);
    if (tunnel.head.startsWith('HTTP/1.1 101'))
      assert.equal((await tunnel.frame(CLOSE)).payload.readUInt16BE(), 1011, target);
    else assert.match(tunnel.head, /^HTTP\/1\.1 (?:301|400) /, target);
  }
  assert.equal(trap.accepted(), 0);
});

test('a server that answers an upgrade wrongly costs one connection', async (t) => {
  const echo = await startEcho(t);
  const { url } = await startSokkenServer(t, [echo.address]);
  const answers = [
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'SSH-2.0-x\r\n\r\n',
    `HTTP/1.1 ${'x'.repeat(70_000)}`,
  ];
  let n = 0;
  const evil = await startTcpTarget(t, (socket) => {
    socket.once('data', () => socket.end(answers[n++]));
  });
  const { client, told } = await startSokkenClient(t, [
    `ws://${evil.address}/tunnel/x:1`,
    url(echo.address),
  ]);
  for (const _ of answers) {
    const socket = net.connect({ port: client.addresses[0].port, host: '127.0.0.1' });
    socket.on('error', () => {});
    await within(5_000, new Promise((resolve) => socket.resume().on('close', resolve)));
    assert.equal(String(await converse(client.addresses[1].port, 'hello')), 'hello');
  }
  const failures = told.filter(({ what }) => what === 'failed').map(({ error }) => error?.code);
  assert.deepEqual(
    failures,
    Array.from(answers, () => 'SERVER_NOT_SALLYPORT'),
  );
});

test('a server that breaks the rules behind its upgrade breaks off one local connection, by name', async (t) => {
  const echo = await startEcho(t);
  const { url } = await startSokkenServer(t, [echo.address]);
  const frames = [
    websocketFrame({ opcode: 2, rsv: 0x40, payload: Buffer.from('x') }),
    websocketFrame({ opcode: 11 }),
    websocketFrame({ opcode: 2, length: 2n ** 63n }),
    websocketFrame({ opcode: 2, payload: Buffer.from('x'), key: Buffer.alloc(4, 1) }),
    websocketFrame({ opcode: 1, payload: Buffer.from('text') }),
  ];
  let came = 0;
  const evil = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(evil, 'listening');
  t.after(() => {
    for (const peer of evil.clients) peer.terminate();
    evil.close();
  });
  evil.on('connection', (socket, request) => {
    socket.on('error', () => {});
    request.socket.write(frames[came++]);
  });
  const { port } = evil.address() as net.AddressInfo;
  const { client, told } = await startSokkenClient(t, [
    `ws://127.0.0.1:${port}/tunnel/x:1`,
    url(echo.address),
  ]);
  for (const _ of frames) {
    const local = net.connect({ port: client.addresses[0].port, host: '127.0.0.1' });
    t.after(() => local.destroy());
    const ended = once(local.resume(), 'end').then(() => assert.fail('it ended in order'));
    await assert.rejects(within(5_000, ended, 'the end'), { code: 'ECONNRESET' });
    assert.equal(String(await converse(client.addresses[1].port, 'hello')), 'hello');
  }
  const failures = () => told.flatMap(({ error }) => (error ? [error.code] : []));
  await until('all are told', () => failures().length === frames.length);
  assert.deepEqual(
    failures(),
    frames.map(() => 'PROTOCOL_FRAME'),
  );
});
