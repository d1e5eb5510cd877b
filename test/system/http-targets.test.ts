import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { makeCertificate, temporaryFolder } from '../support/files.ts';
import { ask, open } from '../support/http-client.ts';
import { digestOf, noiseBytes, noiseDigest } from '../support/noise.ts';
import { startServer, startService } from '../support/tunnel.ts';
import type { AddressInfo } from 'node:net';

const json = { accept: 'application/json' };

test('an https target is checked, unless its service says otherwise', async (t) => {
  const pair = await makeCertificate('inner.example.test');
  const target = https.createServer(pair, (_request, response) => response.end('secured'));
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  t.after(() => target.close());
  const url = `https://127.0.0.1:${(target.address() as AddressInfo).port}`;
  const server = await startServer(t);
  await startService(t, server, ['http', url, '--name', 'strict']);
  await startService(t, server, ['http', url, '--name', 'lax', '--insecure-target']);
  const { port } = server;
  const refused = await ask({ port, host: 'strict.localhost', headers: json });
  assert.equal(refused.status, 502);
  assert.match(refused.text, /"TARGET_TLS"/);
  assert.equal((await ask({ port, host: 'lax.localhost' })).text, 'secured');
});

test('a target may be a Unix socket, and its last words arrive though it closes behind them', async (t) => {
  const socket = path.join(temporaryFolder(t), 'app.sock');
  const target = http.createServer((request, response) => {
    response.setHeader('connection', 'close');
    response.end(noiseBytes(Number(request.url!.slice(1))));
  });
  target.listen(socket);
  await once(target, 'listening');
  t.after(() => target.close());
  const server = await startServer(t);
  await startService(t, server, ['http', `unix:${socket}`, '--name', 'web']);
  const get = (bytes: number) =>
    open({ port: server.port, host: 'web.localhost', path: `/${bytes}` });

  for (let n = 0; n < 100; n++) assert.equal((await get(10)).statusCode, 200, `request ${n}`);

  // Clients that read late: some of these answers end in the target's own socket buffer, with the
  // target gone and the agent not reading.
  const sizes = Array.from({ length: 40 }, (_, n) => (n + 5) * 200_000);
  const answers = await Promise.all(sizes.map(get));
  await pause(3_000);
  for (const [n, answer] of answers.entries()) {
    assert.deepEqual(await digestOf(answer), { bytes: sizes[n], digest: noiseDigest(sizes[n]) });
  }
});
