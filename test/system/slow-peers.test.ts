import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { percentile } from '../support/load.ts';
import { noiseStream } from '../support/noise.ts';
import { memoryOf } from '../support/program.ts';
import { startEcho, startTcpTarget } from '../support/tcp-targets.ts';
import { startServer, startService } from '../support/tunnel.ts';

const KB = 1024;
const MB = 1024 * KB;
const GROWTH_MAX_BYTES = 32 * MB;

/** `SALLYPORT_TEST_LONG=1` runs the full form: 1 GB for each stream, watched for two minutes. */
const long = process.env.SALLYPORT_TEST_LONG === '1';
const transferBytes = long ? 1024 * MB : 100 * MB;
const watchMs = long ? 120_000 : 8_000;
const linux = process.platform === 'linux' ? false : 'resident memory is read from /proc';

test(
  'eight uploads to a slow target and eight downloads to a stalled client hold no memory',
  { skip: linux, timeout: watchMs + 60_000 },
  async (t) => {
    const sink = await startTcpTarget(t, readSlowly, { pauseOnConnect: true });
    const source = await startTcpTarget(t, (socket) => noiseStream(transferBytes).pipe(socket));
    const server = await startServer(t);
    const up = await startService(t, server, [
      'tcp',
      sink.address,
      '--name',
      'sink',
      '--port',
      '0',
    ]);
    const down = await startService(t, server, [
      'tcp',
      source.address,
      '--name',
      'source',
      '--port',
      '0',
    ]);
    const pids = { server: server.program.pid, sink: up.program.pid, source: down.program.pid };
    const before = memory(pids);

    const clients: net.Socket[] = [];
    for (let n = 0; n < 8; n++) {
      const sender = net.connect({ port: up.assigned.port!, host: '127.0.0.1' });
      noiseStream(transferBytes).pipe(sender);
      const stalled = net.connect({ port: down.assigned.port!, host: '127.0.0.1' });
      stalled.pause();
      clients.push(sender, stalled);
    }
    t.after(() => clients.forEach((client) => client.destroy()));
    let peak = memory(pids);
    for (const end = performance.now() + watchMs; performance.now() < end; await pause(250)) {
      const now = memory(pids);
      peak = {
        server: Math.max(peak.server, now.server),
        sink: Math.max(peak.sink, now.sink),
        source: Math.max(peak.source, now.source),
      };
    }
    for (const name of ['server', 'sink', 'source'] as const) {
      const growth = peak[name] - before[name];
      assert.ok(growth < GROWTH_MAX_BYTES, `${name} grew by ${(growth / MB).toFixed(1)} MB`);
    }
    assert.equal(sink.open.size + source.open.size, 16, 'all transfers are under way');

    const began = performance.now();
    clients.forEach((client) => client.resetAndDestroy());
    while (sink.open.size + source.open.size > 0 && performance.now() - began < 5_000)
      await pause(20);
    const left = { sink: sink.open.size, source: source.open.size };
    assert.deepEqual(left, { sink: 0, source: 0 }, 'the targets’ connections are free within 5 s');
  },
);

/** How often it is measured on a busy machine. */
const ROUNDS = 5;

test('one stalled stream of a hundred does not slow the others down', async (t) => {
  const echo = await startEcho(t);
  const server = await startServer(t);
  const service = await startService(t, server, [
    'tcp',
    echo.address,
    '--name',
    'box',
    '--port',
    '0',
  ]);
  const port = service.assigned.port!;
  const clients = await Promise.all(Array.from({ length: 99 }, () => dial(port)));
  t.after(() => clients.forEach((client) => client.destroy()));
  await roundTrips(clients, 20);
  const baseline = percentile(await roundTrips(clients, 50), 0.99);

  const stalled = await dial(port);
  t.after(() => stalled.destroy());
  stalled.pause();
  noiseStream(100 * MB).pipe(stalled);
  await once(stalled, 'drain');
  await pause(500);
  // The stream stays stalled; other processes take the machine for a while only.
  const disturbed: number[] = [];
  const bound = Math.max(2 * baseline, 100);
  do disturbed.push(percentile(await roundTrips(clients, 50), 0.99));
  while (disturbed.at(-1)! >= bound && disturbed.length < ROUNDS);
  const seen = disturbed.map((ms) => ms.toFixed(1)).join(', ');
  assert.ok(
    disturbed.at(-1)! < bound,
    `p99 ${seen} ms with a stalled stream, ${baseline.toFixed(1)} ms without`,
  );
});

/** Takes 100 KB each second. */
function readSlowly(socket: net.Socket): void {
  const timer = setInterval(() => socket.read(10 * KB) ?? socket.read(), 100);
  socket.on('close', () => clearInterval(timer));
}

function memory(pids: { server: number; sink: number; source: number }) {
  return {
    server: memoryOf(pids.server),
    sink: memoryOf(pids.sink),
    source: memoryOf(pids.source),
  };
}

async function dial(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {}); // a round trip that fails shows
  await once(socket, 'connect');
  return socket;
}

/** Each client sends a small message and waits for it to come back, `count` times; all round trips in ms. */
async function roundTrips(clients: readonly net.Socket[], count: number): Promise<number[]> {
  const times: number[] = [];
  const one = async (client: net.Socket): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const began = performance.now();
      client.write('sixteen bytes...');
      await once(client, 'data');
      times.push(performance.now() - began);
    }
  };
  await Promise.all(clients.map(one));
  return times;
}
