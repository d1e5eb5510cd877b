import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { noiseBytes } from '../support/noise.ts';
import { descriptorsOf } from '../support/program.ts';
import { startTunnel } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

const host = 'web.localhost';
const ABORTS = 3_000;
const AT_ONCE = 50;
const linux = process.platform === 'linux' ? false : 'descriptors are counted in /proc';

/** Ways for a client to go, in turn: before, in and after its request, in the answer, with FIN or RST. */
const leave: ((socket: net.Socket) => Promise<void>)[] = [
  async (socket) => void socket.destroy(),
  async (socket) => {
    socket.write('GET /sl');
    socket.destroy();
  },
  async (socket) => {
    socket.write(`GET /slow/2000 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await new Promise((resolve) => setImmediate(resolve));
    socket.resetAndDestroy();
  },
  async (socket) => {
    socket.write(`POST /digest HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 999999\r\n\r\n`);
    socket.write(noiseBytes(10_000));
    await new Promise((resolve) => setImmediate(resolve));
    socket.resetAndDestroy();
  },
  async (socket) => {
    socket.write(`GET /noise/9999999 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await once(socket, 'data');
    socket.resetAndDestroy();
  },
];

test(`${ABORTS} clients that leave early leave nothing behind`, { skip: linux }, async (t) => {
  const origin = await startOrigin(t, { log: false });
  const { server, service } = await startTunnel(t, ['http', origin.address, '--name', 'web']);
  const { port } = server;
  assert.equal((await ask({ port, host })).status, 200);
  await until('the first connection is gone', () => origin.open.size === 0);
  const pids = [server.program.pid, service.program.pid];
  const baseline = pids.map(descriptorsOf);

  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < ABORTS) {
      const way = leave[next++ % leave.length];
      const socket = net.connect({ port, host: '127.0.0.1' });
      socket.on('error', () => {});
      await once(socket, 'connect');
      await way(socket);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));

  await until('nothing is under way at the origin', () => origin.open.size === 0);
  await until('the descriptors are free', () =>
    pids.every((pid, index) => descriptorsOf(pid) <= baseline[index] + 20),
  );
  assert.equal((await ask({ port, host })).status, 200);
});
