/** The sokken server towards clients of the older kind: what they see, to the byte. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { SOKKEN_MESSAGE_MAX_BYTES } from '../../src/limits.ts';
import { ask } from '../support/http-client.ts';
import { digestOf, noiseBytes, noiseDigest, noiseStream } from '../support/noise.ts';
import {
  BINARY,
  CLOSE,
  closeCode,
  openRawTunnel,
  PING,
  PONG,
  startSokkenServer,
  TEXT,
} from '../support/sokken.ts';
import { freePort, startEcho, startTcpTarget } from '../support/tcp-targets.ts';
import { until, within } from '../support/wait.ts';

const MB = 1024 * 1024;

/** Frames as an original server sends them. */
const words = {
  subprotocol: '03f0636c69656e74206e6f74207573696e6720736f6b6b656e2073756270726f746f636f6c',
  address: '03f37461726765742061646472657373206e6f7420616c6c6f776564',
  normal: '03e8',
};

describe('before the upgrade', () => {
  test('health has the layout of the originals, for any method', async (t) => {
    const echo = await startEcho(t);
    const { port } = await startSokkenServer(t, [echo.address], { maxConnections: 50 });
    const tunnel = await openRawTunnel(t, port, echo.address);
    tunnel.send(BINARY, 'x');
    await tunnel.frame(BINARY);
    for (const method of ['GET', 'POST', 'DELETE']) {
      const { status, text } = await ask({ port, path: '/health', method });
      assert.equal(status, 200);
      const body =
        '{\n  "connections": 1,\n  "max-connections": 50,\n  "connections-used-percent": 0.02\n}\n';
      assert.equal(text, body);
    }
  });

  test('a limit of 0 has no share', async (t) => {
    const { port } = await startSokkenServer(t, [], { maxConnections: 0 });
    const { status, text } = await ask({ port, path: '/health' });
    assert.deepEqual([status, text], [500, 'unable to marshal health info\n']);
  });

  const faults: [string, number, Record<string, string | null>, string][] = [
    ['no upgrade', 426, { Connection: null, Upgrade: null }, 'GET'],
    ['another upgrade', 426, { Upgrade: 'h2c' }, 'GET'],
    ['POST', 405, {}, 'POST'],
    ['another version', 400, { 'Sec-WebSocket-Version': '8' }, 'GET'],
    ['no key', 400, { 'Sec-WebSocket-Key': null }, 'GET'],
    ['a web page', 403, { Origin: 'https://evil.example' }, 'GET'],
  ];
  for (const [name, status, fields, method] of faults)
    test(`${name}: ${status}`, async (t) => {
      const { port } = await startSokkenServer(t, ['127.0.0.1:22']);
      const { head } = await openRawTunnel(t, port, '127.0.0.1:22', fields, method);
      assert.equal(head.split(' ')[1], String(status), head);
      if (status === 426) assert.match(head, /\r\nUpgrade: websocket\r\n/);
      if (name === 'another version') assert.match(head, /\r\nSec-WebSocket-Version: 13\r\n/);
    });

  test('unclean paths are redirected, others unknown', async (t) => {
    const { port } = await startSokkenServer(t, []);
    for (const [path, status, location] of [
      ['/tunnel', 301, '/tunnel/'],
      ['/tunnel//a:1', 301, '/tunnel/a:1'],
      ['/x/../tunnel/a:1', 301, '/tunnel/a:1'],
      ['/tunnels', 404, undefined],
      ['/tunnel/%zz', 400, undefined],
    ] as const) {
      const reply = await ask({ port, path });
      assert.equal(reply.status, status, path);
      assert.equal(reply.headers.location, location, path);
    }
  });

  test('the limit answers 429, lets nobody slip through, and is not for ever', async (t) => {
    const echo = await startEcho(t);
    const { port } = await startSokkenServer(t, [echo.address], { maxConnections: 5 });
    const all = await Promise.all(
      Array.from({ length: 40 }, () => openRawTunnel(t, port, echo.address)),
    );
    const [granted, refused] = [101, 429].map((status) =>
      all.filter(({ head }) => head.startsWith(`HTTP/1.1 ${status} `)),
    );
    assert.deepEqual([granted.length, refused.length], [5, 35]);
    await until('they are joined', () => echo.accepted() === 5);
    granted[0].send(CLOSE, closeCode(1000));
    await until('one is over', () => echo.open.size === 4);
    const next = await openRawTunnel(t, port, echo.address);
    assert.match(next.head, /^HTTP\/1.1 101 /);
  });
});

describe('after the upgrade', () => {
  test('the subprotocol is echoed as it was written; extensions are declined', async (t) => {
    const { port } = await startSokkenServer(t, ['127.0.0.1:1']);
    const { head } = await openRawTunnel(t, port, '127.0.0.1:1', {
      'Sec-WebSocket-Protocol': 'SokkeN',
      'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=10',
    });
    assert.match(head, /^HTTP\/1.1 101 .*\r\nSec-WebSocket-Protocol: SokkeN\r\n/s);
    assert.match(head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
    assert.doesNotMatch(head, /extensions/i);
  });

  for (const protocol of [null, 'other'])
    test(`subprotocol ${protocol}: closed with 1008`, async (t) => {
      const { port } = await startSokkenServer(t, ['127.0.0.1:1']);
      const fields = { 'Sec-WebSocket-Protocol': protocol };
      const tunnel = await openRawTunnel(t, port, '127.0.0.1:1', fields);
      assert.equal((await tunnel.frame(CLOSE)).payload.toString('hex'), words.subprotocol);
      await until('it ends', tunnel.ended);
    });

  for (const target of [
    '127.0.0.1:23',
    'localhost:22',
    '127.1:22',
    'nonsense',
    '',
    '127.0.0.1:22/',
  ])
    test(`the address «${target}» is not on the list: closed with 1011`, async (t) => {
      const { port } = await startSokkenServer(t, ['127.0.0.1:22']);
      const tunnel = await openRawTunnel(t, port, target);
      assert.equal((await tunnel.frame(CLOSE)).payload.toString('hex'), words.address);
      await until('it ends', tunnel.ended);
    });

  test('a target that is not there: closed with 1011 at once', async (t) => {
    const target = `127.0.0.1:${await freePort()}`;
    const { port, lines } = await startSokkenServer(t, [target]);
    const tunnel = await openRawTunnel(t, port, target);
    const { payload } = await within(5_000, tunnel.frame(CLOSE));
    assert.equal(payload.readUInt16BE(), 1011);
    assert.match(payload.toString('latin1', 2), /^TARGET_REFUSED: /);
    assert.deepEqual([lines[0].outcome, lines[0].target], ['TARGET_REFUSED', target]);
  });

  test('no message is longer than 32768 bytes, and all of them arrive', async (t) => {
    const target = await startTcpTarget(t, (socket) => noiseStream(8 * MB).pipe(socket));
    const { url } = await startSokkenServer(t, [target.address]);
    const socket = new WebSocket(url(target.address), ['sokken']);
    const pieces: Buffer[] = [];
    socket.on('message', (piece: Buffer) => pieces.push(piece));
    const [code] = (await once(socket, 'close')) as [number];
    assert.equal(code, 1000);
    assert.ok(Math.max(...pieces.map(({ length }) => length)) <= SOKKEN_MESSAGE_MAX_BYTES);
    const { digest } = await digestOf(pieces.values() as unknown as AsyncIterable<Buffer>);
    assert.equal(digest, noiseDigest(8 * MB));
  });

  test('empty messages mean nothing, pings are answered, text is refused with 1003', async (t) => {
    const echo = await startEcho(t);
    const { port } = await startSokkenServer(t, [echo.address]);
    const tunnel = await openRawTunnel(t, port, echo.address);
    tunnel.send(BINARY);
    tunnel.send(PING, 'there?');
    tunnel.send(BINARY, 'word');
    assert.equal(String((await tunnel.frame(PONG)).payload), 'there?');
    assert.equal(String((await tunnel.frame(BINARY)).payload), 'word');
    tunnel.send(TEXT, 'no');
    assert.equal((await tunnel.frame(CLOSE)).payload.readUInt16BE(), 1003);
    await until('the target is left', () => echo.open.size === 0);
  });
});

describe('the end of a tunnel', () => {
  test('what a client sent before it left arrives, although nobody takes the answer', async (t) => {
    const got = Promise.withResolvers<{ bytes: number; digest: string }>();
    const target = await startTcpTarget(t, (socket) => {
      got.resolve(digestOf(socket));
      noiseStream(2 * MB).pipe(socket, { end: false });
    });
    const { port } = await startSokkenServer(t, [target.address]);
    const tunnel = await openRawTunnel(t, port, target.address);
    for (let n = 0; n < 8; n++) tunnel.send(BINARY, noiseBytes(MB / 2));
    tunnel.send(CLOSE, closeCode(1000));
    assert.equal((await within(10_000, got.promise)).bytes, 4 * MB);
  });

  test('what a client sends until it hears of the target’s end arrives', async (t) => {
    const got = Promise.withResolvers<{ bytes: number; digest: string }>();
    const target = await startTcpTarget(t, (socket) => {
      socket.end('over');
      got.resolve(digestOf(socket));
    });
    const { port, lines } = await startSokkenServer(t, [target.address]);
    const tunnel = await openRawTunnel(t, port, target.address);
    assert.equal((await tunnel.frame(CLOSE)).payload.toString('hex'), words.normal);
    assert.equal(String((await tunnel.frame(BINARY)).payload), 'over');
    tunnel.send(BINARY, 'on its way');
    tunnel.send(CLOSE, closeCode(1000));
    assert.equal((await within(5_000, got.promise)).bytes, 10);
    await until('it is over', () => lines.length === 1);
    assert.equal(lines[0].outcome, 'ok');
  });

  test('it counts until both directions have ended', async (t) => {
    const target = await startTcpTarget(t, (socket) => void socket.resume().end());
    const { port } = await startSokkenServer(t, [target.address], { maxConnections: 1 });
    const tunnel = await openRawTunnel(t, port, target.address);
    await tunnel.frame(CLOSE);
    assert.match((await openRawTunnel(t, port, target.address)).head, / 429 /);
    tunnel.send(CLOSE, closeCode(1000));
    await until('it is over', async () =>
      (await ask({ port, path: '/health' })).text.includes('"connections": 0'),
    );
  });

  test('a client that breaks off breaks the target’s connection', async (t) => {
    const echo = await startEcho(t);
    const { port, lines } = await startSokkenServer(t, [echo.address]);
    const tunnel = await openRawTunnel(t, port, echo.address);
    tunnel.send(BINARY, 'x');
    await tunnel.frame(BINARY);
    tunnel.socket.destroy();
    await until('it is over', () => lines.length === 1 && echo.open.size === 0);
    assert.equal(lines[0].outcome, 'LINK_LOST');
  });

  test('a silent client is asked for a sign of life, and a dead one is left', async (t) => {
    const echo = await startEcho(t);
    const { port, lines } = await startSokkenServer(t, [echo.address], { heartbeatMs: 60 });
    const tunnel = await openRawTunnel(t, port, echo.address);
    await tunnel.frame(PING);
    await until('it is over', () => lines.length === 1);
    assert.equal(lines[0].outcome, 'HEARTBEAT_LOST');
    await until('the target is left', () => echo.open.size === 0);
  });

  test('the end of the server closes tunnels by a close frame', async (t) => {
    const echo = await startEcho(t);
    const { port, server } = await startSokkenServer(t, [echo.address]);
    const tunnel = await openRawTunnel(t, port, echo.address);
    await until('it is joined', () => echo.open.size === 1);
    void server.close(0);
    assert.equal((await tunnel.frame(CLOSE)).payload.readUInt16BE(), 1011);
    await until('the target is left', () => echo.open.size === 0);
  });
});
