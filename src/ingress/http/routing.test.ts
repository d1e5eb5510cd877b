import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  arrived,
  get,
  ok,
  playIngress,
  relay,
  type Client,
  type Played,
} from '../../../test/support/http-ingress.ts';
import { createConsumerAuth, hashConsumerPassword } from '../../access/consumer-password.ts';
import type { RouteKey } from '../../registry/routes.ts';

const TOKEN = 'token-of-service-t';
const OTHER = 'token-of-service-u';

/** Sends one request on a connection of its own: what its service got, or the status it was refused with. */
async function seen(
  played: Played,
  request: string,
): Promise<{ service: string; line: string; head: string } | number> {
  const client = await played.connect();
  const index = played.streams.length;
  const logged = played.lines.length;
  client.send(request);
  await played.until(() => played.lines.length > logged || played.streams.length > index);
  if (played.lines.length > logged) return played.lines.at(-1)!.status;
  const stream = (await arrived(played, 1, index)).accept().answer(ok('x'));
  await played.until(() => played.lines.length > logged);
  client.socket.destroy();
  const head = stream.received;
  return { service: stream.request.service, line: head.split(' HTTP/', 1)[0], head };
}

async function withRoutes(played: Played, ...keys: [RouteKey, string][]): Promise<Played> {
  for (const [key, service] of keys) played.routes.add(key, { service });
  return played;
}

test('T27: every spelling of a host leads to the same service, or nowhere', async (t) => {
  const played = await withRoutes(
    await playIngress(t),
    [{ host: 'tenant.test' }, 'a'],
    [{ host: '*.wild.test' }, 'w'],
  );
  for (const host of [
    'tenant.test',
    'TENANT.Test',
    'tenant.test.',
    'tenant.test:8080',
    'Tenant.TEST.:1',
  ]) {
    const request = await seen(played, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.equal((request as { service: string }).service, 'a', host);
  }
  for (const host of [
    'tenant.test.evil',
    'xtenant.test',
    'tenant.tes',
    'tenant',
    'tenant.test.wild.test.x',
  ]) {
    assert.equal(await seen(played, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`), 404, host);
  }
  for (const host of [
    'u@tenant.test',
    'tenant.test/',
    'tenant.test,wild.test',
    'tenant..test',
    'tenant.test:x',
  ]) {
    assert.equal(await seen(played, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`), 400, host);
  }
});

test('T27: one connection changes between hosts, and each request goes to its own', async (t) => {
  const played = await relay(t);
  const { client } = played;
  for (let n = 0; n < 6; n++) {
    const service = n % 2 === 0 ? 'a' : 'b';
    client.send(`GET /${n} HTTP/1.1\r\nHost: ${service}.test\r\n\r\n`);
    const stream = (await arrived(played, 1, n)).accept();
    assert.equal(stream.request.service, service);
    assert.ok(stream.received.includes(`\r\nX-Forwarded-Host: ${service}.test\r\n`));
    stream.answer(ok(`answer ${n}`));
    await client.until((text) => text.endsWith(`answer ${n}`));
  }
});

test('a route that changes counts for the next request of a kept connection', async (t) => {
  const played = await playIngress(t);
  const remove = played.routes.add({ host: 'a.test' }, { service: 'old' });
  const client = await played.connect();
  client.send(get());
  (await arrived(played, 1)).accept().answer(ok('1'));
  await client.until((text) => text.endsWith('1'));
  remove();
  played.routes.add({ host: 'a.test' }, { service: 'new' });
  client.send(get());
  assert.equal((await arrived(played, 1, 1)).request.service, 'new');
});

test('T29: a token counts at the start of the target only, and goes no further', async (t) => {
  const played = await withRoutes(
    await playIngress(t),
    [{ token: TOKEN }, 't'],
    [{ host: 'a.test' }, 'a'],
  );
  const target = async (path: string, host = 'own.test'): Promise<unknown> => {
    const request = await seen(played, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    if (typeof request === 'number') return request;
    assert.ok(request.service === 'a' || !request.head.includes(TOKEN));
    return `${request.service} ${request.line}`;
  };
  for (const [path, expected] of [
    [`/_token/${TOKEN}/x/y?z`, 't GET /x/y?z'],
    [`/_token/${TOKEN}/`, 't GET /'],
    [`/_token/${TOKEN}`, 't GET /'],
    [`/_token/${TOKEN}?q`, 't GET /?q'],
    [`/_token/${TOKEN}//x`, 't GET //x'],
    [`/_token/${TOKEN}/../x;y`, 't GET /../x;y'],
    [`/_token/${TOKEN}/%2e%2e/%00`, 't GET /%2e%2e/%00'],
    [`/_token/${TOKEN}/_token/${TOKEN.slice(1)}/`, `t GET /_token/${TOKEN.slice(1)}/`],
    [`http://own.test/_token/${TOKEN}/x`, 't GET /x'],
    [`/x/../_token/${TOKEN}/`, 404],
    [`/./_token/${TOKEN}/`, 404],
    [`//_token/${TOKEN}/`, 404],
    [`/%5ftoken/${TOKEN}/`, 404],
    [`/_token%2f${TOKEN}/`, 404],
    [`/_token//${TOKEN}/`, 404],
    [`/_TOKEN/${TOKEN}/`, 404],
    [`/_token/${TOKEN}x/`, 404],
    [`/_token/${TOKEN};/`, 404],
    [`/_token/${TOKEN}%20/`, 404],
    ['/_token/', 404],
    [`/_token\\${TOKEN}/`, 400],
    [`/_token/${TOKEN}#/`, 400],
  ] as const) {
    assert.equal(await target(path), expected, path);
  }
  assert.equal(await target(`/${'a'.repeat(65_536)}`), 431);
  assert.equal(await target(`/_token/${TOKEN}/x`, 'a.test'), 't GET /x');
  assert.equal(
    await target('/_token/of-that-service-itself/x', 'a.test'),
    'a GET /_token/of-that-service-itself/x',
  );
});

test('T30: credentials that disagree are refused, and the token goes before the host', async (t) => {
  const played = await withRoutes(
    await playIngress(t),
    [{ token: TOKEN }, 't'],
    [{ token: OTHER }, 'u'],
    [{ host: 'a.test' }, 'a'],
  );
  const send = async (path: string, fields: string): Promise<unknown> => {
    const request = await seen(played, get(path, fields));
    return typeof request === 'number'
      ? request
      : [request.service, request.line, request.head.includes(TOKEN)];
  };
  assert.deepEqual(await send('/x', `X-Token: ${TOKEN}\r\n`), ['t', 'GET /x', false]);
  assert.deepEqual(await send(`/_token/${TOKEN}/x`, `X-Token: ${TOKEN}\r\n`), [
    't',
    'GET /x',
    false,
  ]);
  assert.equal(await send(`/_token/${TOKEN}/x`, `X-Token: ${OTHER}\r\n`), 400);
  assert.equal(await send('/x', `X-Token: ${TOKEN}\r\nX-Token: ${OTHER}\r\n`), 400);
  assert.equal(await send('/x', 'Authorization: Basic eA==\r\nAuthorization: Bearer y\r\n'), 400);
  // A field of the service's own that happens to have that name.
  const own = await seen(played, get('/x', 'X-Token: of-that-service-itself\r\n'));
  assert.ok(
    typeof own === 'object' &&
      own.service === 'a' &&
      own.head.includes('X-Token: of-that-service-itself'),
  );
});

test('a token that leads nowhere is not shown in the log', async (t) => {
  const played = await playIngress(t);
  assert.equal(
    await seen(played, 'GET /_token/of-an-absent-service/x HTTP/1.1\r\nHost: own.test\r\n\r\n'),
    404,
  );
  assert.equal(played.lines[0].path, '/x');
});

test('a token that stands where it is none is not shown in the log either', async (t) => {
  const played = await playIngress(t);
  played.routes.add({ host: 'a.test' }, { service: 'a' });
  const cases: [target: string, host: string, logged: string][] = [
    [`//_token/${TOKEN}/x`, 'own.test', '//_token/***/x'],
    [`/_token//${TOKEN}/x`, 'own.test', '/_token/***/x'],
    [`/x/../_token/${TOKEN}/y`, 'own.test', '/x/../_token/***/y'],
    [`/%5Ftoken/${TOKEN}?y`, 'own.test', '/%5Ftoken/***?y'],
    [`/_TOKEN/${TOKEN}`, 'own.test', '/_TOKEN/***'],
    [`/_token/${TOKEN}/y`, 'a.test', '/_token/***/y'],
  ];
  for (const [target, host, logged] of cases) {
    await seen(played, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await played.until(() => played.lines.some(({ path }) => path === logged));
  }
});

async function authorised(played: Played, client: Client, authorization: string): Promise<string> {
  const before = client.text.length;
  const index = played.lines.length;
  client.send(get('/', authorization && `Authorization: ${authorization}\r\n`));
  await played.until(
    () => played.lines.length > index || (played.streams[0]?.received.length ?? 0) > 0,
  );
  if (played.lines.length === index) played.streams[0].accept().answer(ok('x'));
  await client.until((text) => /\r\n\r\n[^]+$/.test(text.slice(before)));
  return client.text.slice(before);
}

test("a service's own password is asked for, and taken away", async (t) => {
  const played = await playIngress(t);
  const consumerAuth = createConsumerAuth(hashConsumerPassword('user:pass'));
  played.routes.add({ host: 'a.test' }, { service: 'a', consumerAuth });
  const client = await played.connect();
  for (const wrong of [
    '',
    'Basic eDp5',
    'Bearer user:pass',
    `Basic ${btoa('user:pass')}, Basic eDp5`,
  ]) {
    const text = await authorised(played, client, wrong);
    assert.match(text, /^HTTP\/1.1 401 Unauthorized\r\n/);
    assert.match(text, /\r\nWWW-Authenticate: Basic realm="sallyport", charset="UTF-8"\r\n/);
  }
  assert.equal(played.streams.length, 0);
  assert.match(await authorised(played, client, `Basic ${btoa('user:pass')}`), /^HTTP\/1.1 200 /);
  assert.ok(!played.streams[0].received.includes('Authorization'));
});

test('a Host of the route, where it has one', async (t) => {
  const played = await playIngress(t);
  played.routes.add({ host: 'a.test' }, { service: 'a', rewriteHost: 'inner.test:81' });
  const request = await seen(played, get());
  assert.ok(typeof request === 'object');
  assert.match(request.head, /\r\nHost: inner\.test:81\r\n/);
  assert.match(request.head, /\r\nX-Forwarded-Host: a\.test\r\n/);
});

test('paths on hosts of the server, behind its own endpoints', async (t) => {
  const played = await playIngress(t, {
    own: { find: ({ path }) => (path === '/healthz' ? { status: 200, body: 'ok\n' } : null) },
  });
  await withRoutes(
    played,
    [{ path: '/healthz' }, 'x'],
    [{ path: '/app' }, 'app'],
    [{ host: 'a.test' }, 'a'],
  );
  const send = async (path: string, host: string): Promise<unknown> => {
    const request = await seen(played, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return typeof request === 'number' ? request : `${request.service} ${request.line}`;
  };
  assert.equal(await send('/healthz', 'own.test'), 200);
  assert.equal(await send('/healthz', 'a.test'), 'a GET /healthz');
  assert.equal(await send('/app/x', '127.0.0.1:80'), 'app GET /app/x');
  assert.equal(await send('/app', 'absent.own.test'), 404);
  assert.equal(await seen(played, 'GET /healthz HTTP/1.0\r\n\r\n'), 200);
});
