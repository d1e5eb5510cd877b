import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import {
  callbacks,
  connections,
  registered,
  startCallbackServer,
  startProxy,
  startReverse,
} from '../support/callback-peers.ts';
import {
  ACK,
  DATA,
  FIN,
  GO_AWAY,
  muxFrame,
  muxFrames,
  PING,
  rawPeers,
  RST,
  SYN,
  WINDOW,
  type RawPeer,
} from '../support/mux-frames.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { until, within } from '../support/wait.ts';
import {
  readWebsocketFrames,
  websocketFrame,
  type ReadFrame,
} from '../support/websocket-frames.ts';

type Server = Awaited<ReturnType<typeof startCallbackServer>>;

const key = Buffer.alloc(4);

function upgradeTo(path: string): Buffer {
  return Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
}

interface HostilePeer extends RawPeer {
  /** The WebSocket frames that came behind the 101. */
  answers(): ReadFrame[];
}

function framesBehindHead(bytes: Buffer): ReadFrame[] {
  const end = bytes.indexOf('\r\n\r\n');
  return end < 0 ? [] : readWebsocketFrames(bytes.subarray(end + 4));
}

/** A server with one good pair, and what shows that it is unharmed. */
async function startWatched(t: TestContext) {
  const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
  const good = startReverse(t, server, 'good', echo.address);
  await registered(server, 'good');
  const connect = rawPeers(t);
  return {
    server,
    async hostile(path: string): Promise<HostilePeer> {
      const peer = await connect(server.port);
      const pieces: Buffer[] = [];
      peer.socket.on('data', (piece: Buffer) => pieces.push(piece));
      await peer.bytes(upgradeTo(path));
      return Object.assign(peer, { answers: () => framesBehindHead(Buffer.concat(pieces)) });
    },
    async unharmed(): Promise<void> {
      const proxy = startProxy(t, server, 'good');
      proxy.duplex.end('unharmed');
      assert.equal(await text(proxy.duplex), 'unharmed');
      assert.deepEqual(good.losses, []);
    },
  };
}

function gone(server: Server, id: string): Promise<unknown> {
  return until(`${id} is gone`, async () => !(id in (await callbacks(server)).sessions));
}

describe('a callbackreverse that breaks the multiplexer', () => {
  const attacks: [string, Buffer][] = [
    ['an unknown version', muxFrame(PING, SYN, 0, 0, undefined, 1)],
    ['an unknown type', muxFrame(9, 0, 0, 0)],
    ['unknown flags', muxFrame(WINDOW, 0x40, 1, 0)],
    ['a stream of its own', muxFrame(WINDOW, SYN, 2, 0)],
    ['a stream with an id of ours', muxFrame(WINDOW, SYN, 1, 0)],
    ['an acknowledgement of what was never opened', muxFrame(WINDOW, ACK, 77, 0)],
    ['bytes for what was never opened', muxFrame(DATA, 0, 77, 3, Buffer.from('abc'))],
    ['stream 0', muxFrame(DATA, 0, 0, 0)],
    ['a huge length', muxFrame(DATA, 0, 1, 0xffff_ffff)],
    ['a ping on a stream', muxFrame(PING, SYN, 5, 0)],
    ['a go-away on a stream', muxFrame(GO_AWAY, 0, 5, 0)],
    ['the end of what was never opened', muxFrame(WINDOW, FIN | RST, 3, 0)],
  ];
  for (const [name, bytes] of attacks)
    test(`${name}: its session ends with a reason, and no other`, async (t) => {
      const { server, hostile, unharmed } = await startWatched(t);
      const peer = await hostile('/api/v1/callback/bad');
      await registered(server, 'bad');
      await peer.frames(bytes);
      await within(3_000, peer.closed, 'its end');
      await gone(server, 'bad');
      await unharmed();
    });

  test('bytes beyond the window of a stream end the session', async (t) => {
    const { server, hostile, unharmed } = await startWatched(t);
    const peer = await hostile('/api/v1/callback/bad');
    await registered(server, 'bad');
    const proxy = startProxy(t, server, 'bad');
    const opening = muxFrame(WINDOW, SYN, 1, 0);
    await until('a stream is opened', () =>
      peer.answers().some(({ payload }) => payload.includes(opening)),
    );
    const much = Buffer.alloc(300 * 1024);
    await peer.frames(muxFrame(WINDOW, ACK, 1, 0), muxFrame(DATA, 0, 1, much.length, much));
    await within(3_000, peer.closed, 'its end');
    await assert.rejects(proxy.running);
    await unharmed();
  });

  test('a flood of pings that it does not read the answers of', async (t) => {
    const { server, hostile, unharmed } = await startWatched(t);
    const peer = await hostile('/api/v1/callback/bad');
    await registered(server, 'bad');
    peer.socket.pause();
    const flood = muxFrames(10_000, (n) => [PING, SYN, 0, n]);
    for (let n = 0; n < 200 && !peer.socket.destroyed; n++)
      await Promise.race([peer.frames(flood), gone(server, 'bad')]);
    await gone(server, 'bad');
    await unharmed();
  });
});

describe('WebSocket frames that are wrong', () => {
  const attacks: [string, Buffer][] = [
    ['unmasked', websocketFrame({ opcode: 2, payload: Buffer.from('x') })],
    ['reserved bits', websocketFrame({ opcode: 2, payload: Buffer.from('x'), key, rsv: 0x40 })],
    ['an unknown opcode', websocketFrame({ opcode: 3, payload: Buffer.from('x'), key })],
    ['a continuation of nothing', websocketFrame({ opcode: 0, payload: Buffer.from('x'), key })],
    ['a length of 2^63', websocketFrame({ opcode: 2, key, length: 1n << 63n, lengthBytes: 8 })],
    ['a fragmented ping', websocketFrame({ opcode: 9, key, fin: false })],
  ];
  for (const [name, bytes] of attacks)
    for (const list of ['callback/bad', 'connect/good'])
      test(`${name}, at ${list}`, async (t) => {
        const { hostile, unharmed } = await startWatched(t);
        const peer = await hostile(`/api/v1/${list}`);
        await until('it is upgraded', () => peer.socket.bytesRead > 100);
        await peer.bytes(bytes);
        await within(3_000, peer.closed, 'its end');
        await unharmed();
      });
});

test('empty messages: the end of a consumer’s direction, nothing to a callbackreverse, never sent to either', async (t) => {
  const { server, hostile, unharmed } = await startWatched(t);
  const empty = websocketFrame({ opcode: 2, key });
  const reverse = await hostile('/api/v1/callback/quiet');
  await registered(server, 'quiet');
  await reverse.bytes(empty);
  const peer = await hostile('/api/v1/connect/good');
  await until('it is upgraded', () => peer.socket.bytesRead > 100);
  await peer.bytes(websocketFrame({ opcode: 1, payload: Buffer.from('abc'), key }));
  await peer.bytes(empty);
  await within(3_000, peer.closed, 'the end, since echo has ended too');
  assert.ok('quiet' in (await callbacks(server)).sessions);
  reverse.socket.destroy();
  await gone(server, 'quiet');
  const data = [...peer.answers(), ...reverse.answers()].filter(({ opcode }) => opcode <= 2);
  assert.equal(Buffer.concat(peer.answers().map(({ payload }) => payload)).toString(), 'abc');
  assert.ok(data.length > 1 && data.every(({ payload }) => payload.length > 0));
  await unharmed();
});

test('bytes before the 101 are refused, and reach nothing', async (t) => {
  const { server, unharmed } = await startWatched(t);
  const socket = net.connect(server.port, '127.0.0.1');
  t.after(() => socket.destroy());
  const early = websocketFrame({ opcode: 2, payload: Buffer.from('early'), key });
  socket.write(Buffer.concat([upgradeTo('/api/v1/connect/good'), early]));
  const [head] = (await once(socket, 'data')) as [Buffer];
  assert.match(head.toString('latin1'), /^HTTP\/1\.1 400 /);
  assert.deepEqual((await connections(server)).sessions, []);
  await unharmed();
});

test('squatting: an id that is held cannot be taken by any number of registrations', async (t) => {
  const { server, hostile, unharmed } = await startWatched(t);
  const peers = await Promise.all(
    Array.from({ length: 100 }, () => hostile('/api/v1/callback/good')),
  );
  await until('all were answered', () => peers.every(({ socket }) => socket.bytesRead > 20));
  assert.equal(Object.keys((await callbacks(server)).sessions).length, 1);
  await unharmed();
});

test('names cannot forge lines or pages: only plain ids exist, and the page is text', async (t) => {
  const { server, hostile } = await startWatched(t);
  for (const id of ['%3Cimg%20onerror=x%3E', 'a%0d%0ab', '%1b%5b2J', '..', '%2e%2e%2fb'])
    await hostile(`/api/v1/callback/${id}`);
  await hostile('/api/v1/callback/plain');
  await registered(server, 'plain');
  assert.deepEqual(Object.keys((await callbacks(server)).sessions).toSorted(), [
    '..',
    'good',
    'plain',
  ]);
});
