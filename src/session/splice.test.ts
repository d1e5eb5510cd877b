import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { heldBytes } from '../../test/support/memory.ts';
import { Pattern } from '../../test/support/pattern.ts';
import { startSplicedRoad, type SplicedRoad } from '../../test/support/spliced-road.ts';
import { converse, startEcho, startTcpTarget } from '../../test/support/tcp-targets.ts';
import { until, within } from '../../test/support/wait.ts';
import { copiesOut } from './deliver.ts';

const MB = 1024 * 1024;

async function connect(t: TestContext, port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Resolves when the socket is gone, broken or not. */
const closed = (socket: net.Socket): Promise<void> =>
  within(5_000, new Promise((done) => socket.once('close', () => done())));

/** Reads to the end and checks every byte; gives how many there were. */
async function readPattern(socket: net.Socket, seed: number): Promise<number> {
  const pattern = new Pattern(seed);
  let received = 0;
  for await (const piece of socket as AsyncIterable<Buffer>) {
    assert.ok(pattern.holds(piece, 0, piece.length, received), `bytes from ${received}`);
    received += piece.length;
  }
  return received;
}

const allOver = (road: SplicedRoad, count: number): Promise<number> =>
  until('both splices are over', () => road.near.length === count && road.far.length === count);

async function nothingHeld(road: SplicedRoad): Promise<void> {
  const { near, far } = road.sessions;
  assert.deepEqual([near.session.streams, far.session.streams], [0, 0]);
  near.session.close(null);
  await road.sessions.slabsBack();
  await until('the slabs of the sockets are back', () => road.pool.out + copiesOut() === 0);
}

test('bytes pass both ways at once, exact, and both ends finish in order', async (t) => {
  const target = await startEcho(t);
  const road = await startSplicedRoad(t, target.port);
  const socket = await connect(t, road.port);
  const pattern = new Pattern(5);
  const total = 20 * MB;
  const reading = readPattern(socket, 5);
  for (let at = 0; at < total; at += MB) {
    if (!socket.write(pattern.bytes(at, MB))) await once(socket, 'drain');
  }
  socket.end();
  assert.equal(await within(10_000, reading), total);
  await allOver(road, 1);
  assert.deepEqual([road.near[0].error, road.far[0].error], [null, null]);
  const { bytesIn, bytesOut } = road.near[0].splice;
  assert.deepEqual([bytesIn, bytesOut], [total, total]);
  await nothingHeld(road);
});

test('T10: the client ends first, the answer comes later and whole', async (t) => {
  const target = await startTcpTarget(t, (socket) => {
    const got: Buffer[] = [];
    socket.on('data', (piece: Buffer) => got.push(piece));
    socket.on('end', () => setImmediate(() => socket.end(Buffer.concat([...got, ...got]))));
  });
  const road = await startSplicedRoad(t, target.port);
  assert.equal((await converse(road.port, 'question ')).toString(), 'question question ');
  await allOver(road, 1);
  assert.equal(road.near[0].error, null);
  await nothingHeld(road);
});

test('the target ends first, the client goes on sending', async (t) => {
  const got = Promise.withResolvers<number>();
  const target = await startTcpTarget(t, (socket) => {
    socket.end('banner');
    void readPattern(socket, 3).then(got.resolve, got.reject);
  });
  const road = await startSplicedRoad(t, target.port);
  const socket = await connect(t, road.port);
  socket.resume();
  await once(socket, 'end');
  socket.end(new Pattern(3).bytes(0, 2 * MB));
  assert.equal(await within(5_000, got.promise), 2 * MB);
  await allOver(road, 1);
  assert.equal(road.far[0].error, null);
});

test('a client that breaks off breaks the target off, and the reverse', async (t) => {
  const target = await startEcho(t);
  const road = await startSplicedRoad(t, target.port);
  const first = await connect(t, road.port);
  first.write('hello');
  await once(first, 'data');
  first.resetAndDestroy();
  await allOver(road, 1);
  await until('the target knows', () => target.open.size === 0);
  const second = await connect(t, road.port);
  second.write('hello');
  await once(second, 'data');
  for (const socket of target.open) socket.resetAndDestroy();
  await closed(second);
  await allOver(road, 2);
  for (const { error } of [...road.near, ...road.far]) assert.ok(error instanceof Error);
  await nothingHeld(road);
});

test('a client that is gone before its target stands leaves nothing open', async (t) => {
  const target = await startEcho(t);
  const road = await startSplicedRoad(t, target.port);
  const socket = await connect(t, road.port);
  socket.resetAndDestroy();
  await allOver(road, 1);
  await until('the target knows', () => target.open.size === 0);
  await nothingHeld(road);
});

test('the end of the session breaks both sockets off', async (t) => {
  const target = await startEcho(t);
  const road = await startSplicedRoad(t, target.port);
  const socket = await connect(t, road.port);
  socket.write('hello');
  await once(socket, 'data');
  road.sessions.cut();
  await closed(socket);
  await allOver(road, 1);
  await until('the target knows', () => target.open.size === 0);
});

test('a target that does not read stops its client, and costs one window', async (t) => {
  const reading = Promise.withResolvers<net.Socket>();
  const target = await startTcpTarget(t, reading.resolve, { pauseOnConnect: true });
  const road = await startSplicedRoad(t, target.port);
  const socket = await connect(t, road.port);
  const stalled = await reading.promise;
  const total = 48 * MB;
  const pattern = new Pattern(1);
  const before = heldBytes();
  const sending = (async () => {
    for (let at = 0; at < total; at += 64 * 1024) {
      if (!socket.write(pattern.bytes(at, 64 * 1024))) await once(socket, 'drain');
    }
    socket.end();
  })();
  let sent = -1;
  let still = 0;
  await until('nothing has moved in twenty looks', () => {
    still = socket.bytesWritten === sent ? still + 1 : 0;
    sent = socket.bytesWritten;
    return still === 20;
  });
  assert.ok(sent < total / 2, `${sent} bytes have left the client`);
  const held = heldBytes() - before;
  assert.ok(held < 8 * MB, `${Math.round(held / MB)} MB are held for one stalled stream`);
  const received = readPattern(stalled.resume(), 1);
  assert.equal(await within(10_000, received), total);
  await sending;
  stalled.end();
  await allOver(road, 1);
  await nothingHeld(road);
});

test('a client that does not read stops its target, pins little, and holds up nobody', async (t) => {
  const total = 32 * MB;
  const target = await startTcpTarget(t, (socket) => {
    socket.once('data', (first: Buffer) => {
      const seed = first[0];
      const pattern = new Pattern(seed);
      let at = 0;
      const more = (): void => {
        while (at < total) {
          const n = Math.min(total - at, 50_000);
          at += n;
          if (!socket.write(pattern.bytes(at - n, n))) return void socket.once('drain', more);
        }
        socket.end();
      };
      more();
    });
  });
  const road = await startSplicedRoad(t, target.port);
  const stalled = await connect(t, road.port);
  stalled.pause().write(Buffer.from([1]));
  const before = heldBytes();
  const brisk = await connect(t, road.port);
  brisk.write(Buffer.from([2]));
  const briskly = readPattern(brisk, 2);
  assert.equal(await within(10_000, briskly), total);
  const held = heldBytes() - before;
  assert.ok(held < 16 * MB, `${Math.round(held / MB)} MB are held`);
  brisk.end();
  assert.equal(await within(10_000, readPattern(stalled.resume(), 1)), total);
  stalled.end();
  await allOver(road, 2);
  await nothingHeld(road);
});
