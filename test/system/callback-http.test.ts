import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { allScopes } from '../../src/access/identity.ts';
import { createDenyPolicy } from '../../src/access/policy/grant.ts';
import {
  callbacks,
  registered,
  startCallbackServer,
  startProxy,
  startReverse,
  visit,
} from '../support/callback-peers.ts';
import { ask, open, type Question } from '../support/http-client.ts';
import { startEcho } from '../support/tcp-targets.ts';

const upgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

async function statusOf(port: number, path: string, more: Partial<Question> = {}) {
  return (await ask({ port, path, ...more })).status;
}

async function startBox(t: TestContext) {
  const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
  startReverse(t, server, 'box', echo.address);
  await registered(server, 'box');
  return server;
}

test('the lists are compact JSON, empty or not', async (t) => {
  const server = await startCallbackServer(t);
  const empty = await ask({ port: server.port, path: '/api/v1/callback' });
  assert.equal(empty.text, '{"sequence_num":0,"sessions":{}}');
  assert.equal(empty.headers['content-type'], 'application/json');
  assert.equal(empty.headers['content-length'], String(empty.body.length));
  const none = await ask({ port: server.port, path: '/api/v1/connect' });
  assert.equal(none.text, '{"sequence_num":0,"sessions":[]}');

  startReverse(t, server, 'box', '127.0.0.1:1');
  await registered(server, 'box');
  const one = await ask({ port: server.port, path: '/api/v1/callback' });
  assert.match(
    one.text,
    /^\{"sequence_num":1,"sessions":\{"box":\{"connected_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","remote_addr":"127\.0\.0\.1:\d+","num_clients":0\}\}\}$/,
  );
});

test('methods, superfluous slashes and paths that are nobody’s', async (t) => {
  const { port } = await startBox(t);
  const refused = await ask({ port, path: '/api/v1/callback', method: 'DELETE' });
  assert.deepEqual([refused.status, refused.text], [405, 'Method Not Allowed\n']);
  assert.equal(refused.headers.allow, 'GET, OPTIONS');
  const options = await ask({ port, path: '/api/v1/connect/box', method: 'OPTIONS' });
  assert.deepEqual([options.status, options.headers.allow], [200, 'GET, POST, OPTIONS']);
  const moved = await ask({ port, path: '/api/v1/connect/box/' });
  assert.deepEqual([moved.status, moved.headers.location], [301, '/api/v1/connect/box']);
  const { statusMessage } = (await open({ port, path: '/api/v1/connect/box/' })).resume();
  assert.equal(statusMessage, 'Moved Permanently');
  assert.equal(await statusOf(port, '/api/v1/connect/'), 301, 'a blank id is none');
  for (const path of [
    '/api/v1/connect/box/more',
    '/api/v1/events/callback/more',
    '/',
    '/static/main.js',
  ])
    assert.equal(await statusOf(port, path), 404, path);
});

test('what is no upgrade is refused, by GET and by POST', async (t) => {
  const { port } = await startBox(t);
  for (const method of ['GET', 'POST']) {
    const path = '/api/v1/connect/box';
    assert.equal(await statusOf(port, path, { method }), 400);
    const without = { ...upgrade, 'Sec-WebSocket-Version': '8' };
    assert.equal(await statusOf(port, path, { method, headers: without }), 400);
    const key = { ...upgrade, 'Sec-WebSocket-Key': 'short' };
    assert.equal(await statusOf(port, path, { method, headers: key }), 400);
  }
});

test('ids: percent signs are read once, and what no service could be called is refused', async (t) => {
  const { port } = await startBox(t);
  const of = (id: string) => statusOf(port, `/api/v1/connect/${id}`, { headers: upgrade });
  assert.equal(await of('b%6fy'), 404, 'unknown, and readable');
  for (const id of ['a%2Fb', 'a%20b', '%1b[31m', '%', '%ff', 'x'.repeat(129), 'b%256fx'])
    assert.equal(await of(id), 400, id);
  assert.equal(await statusOf(port, '/api/v1/callback/a%2Fb', { headers: upgrade }), 400);
});

test('the page of another host may not open a WebSocket, the one of this host may', async (t) => {
  const server = await startBox(t);
  const from = (origin: string) => visit(t, server, 'box', { Origin: origin });
  await assert.rejects(from('http://evil.example'), /: 403/);
  await assert.rejects(from('null'), /: 403/);
  await assert.rejects(from(`http://127.0.0.1:${server.port + 1}`), /: 403/);
  await from(`http://127.0.0.1:${server.port}`);
});

test('addresses of peers come from trusted proxies only', async (t) => {
  const forwarded = { headers: { Forwarded: 'for="198.51.100.7:4711"' } };
  const believed = await startCallbackServer(t, {}, { trustedProxies: ['127.0.0.0/8'] });
  startReverse(t, believed, 'box', '127.0.0.1:1', forwarded);
  await registered(believed, 'box');
  assert.equal((await callbacks(believed)).sessions.box.remote_addr, '198.51.100.7:4711');
  startReverse(t, believed, 'old', '127.0.0.1:1', {
    headers: { 'X-Forwarded-For': '198.51.100.9' },
  });
  await registered(believed, 'old');
  assert.equal((await callbacks(believed)).sessions.old.remote_addr, '198.51.100.9:0');
  const doubted = await startCallbackServer(t);
  startReverse(t, doubted, 'box', '127.0.0.1:1', forwarded);
  await registered(doubted, 'box');
  assert.match((await callbacks(doubted)).sessions.box.remote_addr, /^127\.0\.0\.1:/);
});

test('where ids are not open, only known credentials register and reach them, within their scopes', async (t) => {
  const token = 'sp_a-token-of-the-callback-tests';
  const narrow = { ...allScopes, name: 'bob', token: 'sp_another-token-for-bob', names: ['bob-*'] };
  const identities = [{ name: 'ann', token, ...allScopes }, narrow];
  const server = await startCallbackServer(t, { open: ['public-*'] }, { identities });
  const echo = await startEcho(t);
  const as = (name: string, secret: string) => ({
    headers: { Authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}` },
  });
  const once = { reconnectMs: null };
  const attempt = (id: string, more = {}) =>
    startReverse(t, server, id, echo.address, { ...once, ...more });
  await assert.rejects(attempt('box').running, { code: 'AUTH_FAILED' });
  await assert.rejects(attempt('box', as('ann', 'wrong')).running, { code: 'AUTH_FAILED' });
  await assert.rejects(attempt('box', as('bob', narrow.token)).running, { code: 'DENIED' });
  await attempt('box', as('ann', token)).established();
  await attempt('public-1').established();

  await assert.rejects(startProxy(t, server, 'box').running, { code: 'AUTH_FAILED' });
  await assert.rejects(startProxy(t, server, 'box', as('bob', narrow.token)).running, {
    code: 'DENIED',
  });
  for (const proxy of [
    startProxy(t, server, 'box', as('ann', token)),
    startProxy(t, server, 'public-1'),
  ]) {
    proxy.duplex.end('let in');
    assert.equal(await text(proxy.duplex), 'let in');
  }
  assert.equal(await statusOf(server.port, '/api/v1/callback'), 401);
  assert.equal(await statusOf(server.port, '/api/v1/events/connect'), 401);
  assert.equal(await statusOf(server.port, '/api/v1/callback', as('ann', token)), 200);
});

test('what may no longer be ends: a token that is gone, and a policy that says no', async (t) => {
  const token = 'sp_a-token-of-the-callback-tests';
  const identity = { name: 'ann', token, ...allScopes };
  const other = { name: 'eve', token: 'sp_a-token-of-somebody-else', ...allScopes };
  const server = await startCallbackServer(t, { open: [] }, { identities: [identity, other] });
  const headers = { Authorization: `Bearer ${token}` };
  const reverse = startReverse(t, server, 'box', '127.0.0.1:1', { headers, reconnectMs: null });
  await reverse.established();
  server.server.reload({ identities: [other] });
  await assert.rejects(reverse.running, { code: 'AUTH_FAILED' });
  const policy = createDenyPolicy('nobody today');
  const closed = await startCallbackServer(t, {}, { policy });
  const refused = startReverse(t, closed, 'box', '127.0.0.1:1', { reconnectMs: null });
  await assert.rejects(refused.running, { code: 'DENIED' });
});
