import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { startOrigin } from '../support/http-origin.ts';
import { percentile, runLoad } from '../support/load.ts';
import { memoryOf } from '../support/program.ts';
import { startTunnel } from '../support/tunnel.ts';

const host = 'web.localhost';
const OF_EACH_KIND = 300;
const CUT_WITHIN_MS = 15_000;
const MEMORY_EACH_BYTES = 40 * 1024;

interface Kind {
  /** Sent at once. */
  first: string;
  /** Sent again and again, a byte every half second. */
  drip: string;
  /** The server has to end it by itself within the limit. */
  cut: boolean;
}

const head = `GET / HTTP/1.1\r\nHost: ${host}\r\n`;
const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';

const kinds: Record<string, Kind> = {
  'says nothing': { first: '', drip: '', cut: true },
  'stops after its first byte': { first: 'G', drip: '', cut: true },
  'drips its head': { first: head, drip: 'x', cut: true },
  'drips its WebSocket handshake': { first: `${head}${upgrade}`, drip: 'y', cut: true },
  // A slow body is no fault as long as it goes on; it must only cost nobody anything.
  'drips its body': {
    first: `POST /digest HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 999999\r\n\r\n`,
    drip: 'z',
    cut: false,
  },
};

test(`${OF_EACH_KIND} slow clients of each kind cost the others nothing and are cut`, async (t) => {
  const origin = await startOrigin(t, { log: false });
  const { server } = await startTunnel(t, ['http', origin.address, '--name', 'web']);
  const { port } = server;
  const linux = process.platform === 'linux';
  await runLoad({ port, host, path: '/whoami', rate: 100, ms: 500 });
  const memoryBefore = linux ? memoryOf(server.program.pid) : 0;

  const sockets = new Map<string, net.Socket[]>();
  t.after(() => [...sockets.values()].flat().forEach((socket) => socket.destroy()));
  for (const [name, { first }] of Object.entries(kinds)) {
    const ofKind: net.Socket[] = [];
    for (let n = 0; n < OF_EACH_KIND; n++) ofKind.push(await slowClient(port, first));
    sockets.set(name, ofKind);
  }
  const began = performance.now();
  const dripping = setInterval(() => {
    for (const [name, { drip }] of Object.entries(kinds)) {
      if (drip !== '') for (const socket of sockets.get(name)!) socket.write(drip);
    }
  }, 500);
  t.after(() => clearInterval(dripping));

  // In four parts: other processes take the machine for a while only.
  const p99s: number[] = [];
  for (let part = 0; part < 4; part++) {
    const fates = await runLoad({ port, host, path: '/whoami', rate: 100, ms: 1_000 });
    assert.deepEqual(
      fates.filter(({ status }) => status !== 200),
      [],
      'nobody else fails',
    );
    p99s.push(
      percentile(
        fates.map(({ ms }) => ms),
        0.99,
      ),
    );
  }
  assert.ok(Math.min(...p99s) < 250, `p99 of the others: ${p99s.map(Math.round).join(', ')} ms`);
  if (linux) {
    const each = (memoryOf(server.program.pid) - memoryBefore) / (OF_EACH_KIND * 5);
    assert.ok(each < MEMORY_EACH_BYTES, `${(each / 1024).toFixed(1)} KB for each slow client`);
  }

  const left = (name: string): number =>
    sockets.get(name)!.filter((socket) => !socket.destroyed).length;
  const toCut = Object.keys(kinds).filter((name) => kinds[name].cut);
  while (toCut.some((name) => left(name) > 0) && performance.now() - began < CUT_WITHIN_MS)
    await pause(100);
  for (const name of toCut) assert.equal(left(name), 0, `who ${name} is cut`);
  assert.equal(left('drips its body'), OF_EACH_KIND, 'a slow body goes on');
});

async function slowClient(port: number, first: string): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  if (first !== '') socket.write(first);
  return socket;
}
