import assert from 'node:assert/strict';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { processorSeconds } from '../support/processor.ts';
import { startServer, startService } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

const linux = process.platform === 'linux' ? false : 'processor time is read from /proc';

test(
  'a server out of descriptors stays, does not spin, and recovers when they are free',
  { skip: linux },
  async (t) => {
    const origin = await startOrigin(t);
    const limited = ['sh', '-c', 'ulimit -n 256 && exec "$0" "$@"'];
    const server = await startServer(t, [], { under: limited });
    await startService(t, server, ['http', origin.address, '--name', 'web']);
    const question = { port: server.port, host: 'web.localhost' };
    assert.equal((await ask(question)).status, 200);

    const crowd = Array.from({ length: 1_000 }, () => {
      const socket = net.connect({ port: server.port, host: '127.0.0.1' });
      socket.on('error', () => {});
      return socket;
    });
    t.after(() => crowd.forEach((socket) => socket.destroy()));
    await pause(500);
    const before = processorSeconds(server.program.pid);
    await pause(2_000);
    const spent = processorSeconds(server.program.pid) - before;
    assert.ok(spent < 1, `${spent.toFixed(2)} s of processor time in 2 s`);

    crowd.forEach((socket) => socket.destroy());
    const ms = await until('it serves again', async () => {
      const reply = await ask({ ...question, timeout: 500 }).catch(() => null);
      return reply?.status === 200;
    });
    assert.ok(ms <= 2_000, `after ${ms.toFixed(0)} ms`);
  },
);
