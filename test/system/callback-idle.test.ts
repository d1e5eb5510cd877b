/** Peers of callback that say nothing for long. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import { CALLBACK_HEARTBEAT_MS } from '../../src/limits.ts';
import {
  callbacks,
  registered,
  startCallbackServer,
  startProxy,
  startReverse,
  visit,
} from '../support/callback-peers.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { until } from '../support/wait.ts';

test('peers live as long as they answer', async (t) => {
  const [server, echo] = [await startCallbackServer(t, { heartbeatMs: 60 }), await startEcho(t)];
  const reverse = startReverse(t, server, 'box', echo.address);
  await registered(server, 'box');
  const visitor = await visit(t, server, 'box');
  let pings = 0;
  visitor.socket.on('ping', () => pings++);
  await until('many signs of life have been given', () => pings >= 10);
  visitor.socket.send('still here');
  await visitor.hears(10);
  assert.deepEqual(reverse.losses, []);
});

test('callbackproxy stays with an original whose target is silent for minutes', async (t) => {
  const original = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(original, 'listening');
  t.after(() => {
    for (const client of original.clients) client.terminate();
    original.close();
  });
  const { port } = original.address() as net.AddressInfo;
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const proxy = startProxy(t, { url: `http://127.0.0.1:${port}` }, 'box');
  const gone = proxy.running.then(() => assert.fail('it left'));
  const [socket] = (await once(original, 'connection')) as [WebSocket];
  await Promise.race([once(socket, 'ping'), gone]);
  for (let silentMs = 0; silentMs < 300_000; silentMs += CALLBACK_HEARTBEAT_MS / 2) {
    t.mock.timers.tick(CALLBACK_HEARTBEAT_MS / 2);
    // By then it has read the answers to its own pings, too.
    socket.ping();
    await Promise.race([once(socket, 'pong'), gone]);
  }
  socket.send('at last');
  assert.equal(String((await once(proxy.duplex, 'data'))[0]), 'at last');
  t.mock.timers.reset();
  socket.terminate();
});

test('a callbackreverse that gives no sign of life is dropped, and its id is free', async (t) => {
  const server = await startCallbackServer(t, { heartbeatMs: 60 });
  const socket = net.connect(server.port, '127.0.0.1').resume();
  t.after(() => socket.destroy());
  socket.write(
    'GET /api/v1/callback/box HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await registered(server, 'box');
  await until('it is dropped', async () => !('box' in (await callbacks(server)).sessions));
});
