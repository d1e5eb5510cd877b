import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { once } from 'node:events';
import { test } from 'node:test';
import { makeCertificate, temporaryFolder } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
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

test('a target may be a Unix socket', async (t) => {
  const socket = path.join(temporaryFolder(t), 'app.sock');
  const target = http.createServer((request, response) => {
    response.end(`unix ${request.headers.host}`);
  });
  target.listen(socket);
  await once(target, 'listening');
  t.after(() => target.close());
  const server = await startServer(t);
  await startService(t, server, ['http', `unix:${socket}`, '--name', 'web']);
  assert.equal(
    (await ask({ port: server.port, host: 'web.localhost' })).text,
    'unix web.localhost',
  );
});
