import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { freePort } from '../support/tcp-targets.ts';
import { startServer, startService, startTunnel } from '../support/tunnel.ts';

const rendezvous = 'rendezvous-0123456789';

test('a service is reached by its name, its hosts, a wildcard, a path and its token', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  const { port } = server;
  const hosts = ['--host', 'www.example.test', '--host', '*.apps.example.test'];
  await startService(t, server, ['http', origin.address, '--name', 'web', ...hosts]);
  await startService(t, server, [
    'http',
    String(origin.port),
    '--name',
    'under',
    '--path',
    '/whoami',
  ]);
  const meeting = ['--rendezvous-token', rendezvous];
  await startService(t, server, ['http', `http://${origin.address}`, '--name', 'meet', ...meeting]);

  for (const host of [
    'web.localhost',
    'WEB.localhost:80',
    'www.example.test',
    'a.apps.example.test',
  ]) {
    assert.equal((await ask({ port, host })).text, 'hello', host);
  }
  assert.equal((await ask({ port, path: '/whoami' })).text, 'origin');
  assert.equal((await ask({ port, path: '/whoami/x?y' })).text, 'origin');
  assert.equal((await ask({ port, path: '/whoamix' })).status, 404);
  assert.equal((await ask({ port, headers: { 'x-token': rendezvous } })).text, 'hello');
  assert.equal((await ask({ port, path: `/_token/${rendezvous}/whoami` })).text, 'origin');
  const seen = origin.heads.filter((head) => head.includes(rendezvous));
  assert.deepEqual(seen, [], 'the token is removed before the target sees it');
});

test('what cannot be served is refused with its name, the hop and the remedy', async (t) => {
  const server = await startServer(t);
  const { port } = server;
  const dead = await freePort();
  await startService(t, server, ['http', String(dead), '--name', 'dead']);
  const away = await startService(t, server, ['http', String(dead), '--name', 'away']);
  await away.program.end('SIGTERM');

  const json = { accept: 'application/json' };
  const unknown = await ask({ port, host: 'nobody.localhost', headers: json });
  assert.equal(unknown.status, 404);
  assert.match(unknown.text, /"ROUTE_UNKNOWN"/);

  const refused = await ask({ port, host: 'dead.localhost', headers: json });
  assert.equal(refused.status, 502);
  assert.match(refused.text, /"TARGET_REFUSED"/);
  assert.match(refused.text, /"target"/, 'the hop');

  const text = await ask({ port, host: 'dead.localhost', headers: { accept: 'text/plain' } });
  assert.match(text.headers['content-type'] ?? '', /^text\/plain/);
  assert.match(text.text, /TARGET_REFUSED/);
  for (const page of [refused.text, text.text]) {
    assert.match(page, /service dead: its target refused the connection/);
    assert.ok(!page.includes(String(dead)), 'where the target is stays inside');
  }

  const absent = await ask({ port, host: 'away.localhost', headers: json });
  assert.equal(absent.status, 503);
  assert.ok(Number(absent.headers['retry-after']) > 0, 'it says when to come again');
  assert.match(absent.text, /"SERVICE_ABSENT"/);
});

test('a service with a password asks for it and keeps it from the target', async (t) => {
  const origin = await startOrigin(t);
  const auth = ['--auth', 'ann:open sesame'];
  const { server } = await startTunnel(t, ['http', origin.address, '--name', 'web', ...auth]);
  const question = { port: server.port, host: 'web.localhost' };

  const without = await ask(question);
  assert.equal(without.status, 401);
  assert.match(without.headers['www-authenticate'] ?? '', /^Basic realm=/);
  const basic = (pair: string): { authorization: string } => ({
    authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
  });
  assert.equal((await ask({ ...question, headers: basic('ann:open') })).status, 401);
  assert.equal(origin.heads.length, 0, 'nothing has reached the target');
  assert.equal((await ask({ ...question, headers: basic('ann:open sesame') })).status, 200);
  assert.doesNotMatch(origin.heads[0] ?? '', /authorization/i);
});

test('two agents of one name are asked in turn', async (t) => {
  const one = await startOrigin(t, { name: 'one' });
  const two = await startOrigin(t, { name: 'two' });
  const server = await startServer(t);
  await startService(t, server, ['http', one.address, '--name', 'web']);
  await startService(t, server, ['http', two.address, '--name', 'web']);
  const said: string[] = [];
  for (let n = 0; n < 6; n++) {
    said.push((await ask({ port: server.port, host: 'web.localhost', path: '/whoami' })).text);
  }
  assert.deepEqual(said.toSorted(), ['one', 'one', 'one', 'two', 'two', 'two']);
});

test('the host is kept for the target, or rewritten where the service says so', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  await startService(t, server, ['http', origin.address, '--name', 'kept']);
  const rewritten = ['--rewrite-host', 'inner.example.test'];
  await startService(t, server, ['http', origin.address, '--name', 'changed', ...rewritten]);
  await ask({ port: server.port, host: 'kept.localhost' });
  await ask({ port: server.port, host: 'changed.localhost' });
  assert.match(origin.heads[0] ?? '', /^host: kept\.localhost$/im);
  assert.match(origin.heads[1] ?? '', /^host: inner\.example\.test$/im);
});
