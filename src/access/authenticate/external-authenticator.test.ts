import assert from 'node:assert/strict';
import type http from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import { startAuthService } from '../../../test/support/auth-service.ts';
import { bearer } from '../../../test/support/credentials.ts';
import { EXTERNAL_AUTH_BODY_MAX_BYTES, EXTERNAL_AUTH_CALLS_MAX } from '../../limits.ts';
import type { Credentials } from '../authenticator.ts';
import type { Identity } from '../identity.ts';
import { createExternalAuthenticator, type ExternalOptions } from './external-authenticator.ts';

async function setUp(t: TestContext, options: Partial<ExternalOptions> = {}) {
  const service = await startAuthService(t);
  const troubles: string[] = [];
  const authenticator = createExternalAuthenticator(
    {
      type: 'external',
      name: 'sso',
      url: service.url,
      roles: ['consumer'],
      names: ['*'],
      ...options,
    },
    (why) => troubles.push(why),
  );
  t.after(() => authenticator.close());
  const who = async (presented: Credentials): Promise<Identity | null> =>
    authenticator.authenticate(presented);
  return { service, troubles, authenticator, who };
}

test('the service is told the credentials and what they are for, and nothing else', async (t) => {
  const { service, who } = await setUp(t);
  await who({
    ...bearer('right'),
    peer: '[2001:db8::1]:5000',
    service: 'web',
    method: 'POST',
    host: 'web.own.test',
    path: '/a/b',
  });
  const [{ method, url, headers }] = service.asked;
  const { host: _host, connection: _connection, ...told } = headers;
  assert.deepEqual([method, url], ['GET', '/auth']);
  assert.deepEqual(told, {
    authorization: 'Bearer right',
    'x-forwarded-for': '2001:db8::1',
    'x-forwarded-method': 'POST',
    'x-forwarded-host': 'web.own.test',
    'x-forwarded-uri': '/a/b',
    'sallyport-service': 'web',
  });
});

describe('names', () => {
  const answerWith =
    (body: string, headers: http.OutgoingHttpHeaders = {}): http.RequestListener =>
    (_, response) =>
      void response.writeHead(200, headers).end(body);

  test('come from the body, and where it holds none everybody is the same', async (t) => {
    const { service, who } = await setUp(t, { rememberMs: 0 });
    for (const [body, name] of [
      ['{"name":"bob"}', 'sso:bob'],
      ['{"name":"b b"}', 'sso:b%20b'],
      ['{"user":"bob"}', 'sso:anonymous'],
      ['null', 'sso:anonymous'],
      ['OK', 'sso:anonymous'],
      ['', 'sso:anonymous'],
    ]) {
      service.answer = answerWith(body);
      assert.equal((await who(bearer('x')))?.name, name, body);
    }
    for (const body of ['{"name":""}', '{"name":7}', `{"name":"${'x'.repeat(129)}"}`]) {
      service.answer = answerWith(body);
      await assert.rejects(who(bearer('x')), { code: 'AUTH_UNAVAILABLE' }, body);
    }
  });

  test('come from a field where one is configured, and from nowhere else then', async (t) => {
    const { service, who, troubles } = await setUp(t, { nameField: 'X-User', rememberMs: 0 });
    assert.equal((await who(bearer('right')))?.name, 'sso:ann-by-field');
    for (const headers of [{}, { 'X-User': '' }, { 'X-User': ['a', 'b'] }]) {
      service.answer = answerWith('{"name":"bob"}', headers);
      await assert.rejects(who(bearer('x')), { code: 'AUTH_UNAVAILABLE' });
    }
    assert.match(troubles.join(), /the answer names nobody/);
  });
});

describe('fail closed: nobody is let in by', () => {
  for (const status of [401, 403]) {
    test(`status ${status}`, async (t) => {
      const { service, who } = await setUp(t);
      service.answer = (_, response) => void response.writeHead(status).end('{"name":"ann"}');
      assert.equal(await who(bearer('x')), null);
    });
  }

  const answers: [string, http.RequestListener][] = [
    ...[201, 204, 206, 301, 302, 307, 400, 404, 429, 500, 503].map(
      (status): [string, http.RequestListener] => [
        `status ${status}`,
        (_, response) => void response.writeHead(status, { Location: '/auth' }).end(),
      ],
    ),
    ['a body without end', (_, r) => void r.end(Buffer.alloc(EXTERNAL_AUTH_BODY_MAX_BYTES + 1))],
    ['a connection that ends', (_, response) => void response.destroy()],
    [
      'an answer cut short',
      (_, response) => {
        response.writeHead(200, { 'Content-Length': 100 }).write('{"name":"ann"}');
        setImmediate(() => response.destroy());
      },
    ],
  ];
  for (const [what, answer] of answers) {
    test(what, async (t) => {
      const { service, who, troubles } = await setUp(t);
      service.answer = answer;
      await assert.rejects(who(bearer('CANARY')), { code: 'AUTH_UNAVAILABLE' });
      assert.equal(troubles.length, 1);
      assert.doesNotMatch(troubles.join(), /CANARY/);
      assert.equal(service.asked.length, 1, 'no redirect was followed, nothing asked twice');
    });
  }
});

describe('what was allowed is remembered', () => {
  test('for a while, for the same question only', async (t) => {
    const { service, who, authenticator } = await setUp(t);
    t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 });
    const presented = bearer('right');
    const identity = await who(presented);
    assert.equal(authenticator.authenticate(presented), identity, 'at once');
    const others: Partial<Credentials>[] = [
      { peer: '192.0.2.2:40000' },
      { service: 'web' },
      { method: 'POST' },
      { host: 'other.test' },
      { path: '/' },
    ];
    for (const other of others) await who({ ...presented, ...other });
    assert.equal(service.asked.length, 1 + others.length);
    assert.equal(await who({ ...presented, peer: '192.0.2.1:9' }), identity, 'another port');
    t.mock.timers.tick(5_000);
    await who(presented);
    assert.equal(service.asked.length, 2 + others.length);
  });

  test('identity swap: parts that look alike when joined are other questions', async (t) => {
    const { service, who } = await setUp(t);
    service.answer = ({ headers }, response) =>
      void response.end(JSON.stringify({ name: `${String(headers['x-forwarded-host'])}.` }));
    const one = await who({ ...bearer('x'), host: 'ab', path: 'c/' });
    const other = await who({ ...bearer('x'), host: 'a', path: 'bc/' });
    assert.deepEqual([one?.name, other?.name], ['sso:ab.', 'sso:a.']);
  });

  test('not what was refused', async (t) => {
    const { service, who } = await setUp(t);
    await who(bearer('wrong'));
    await who(bearer('wrong'));
    assert.equal(service.asked.length, 2);
  });

  test('not at all where that is configured', async (t) => {
    const { service, who } = await setUp(t, { rememberMs: 0 });
    await who(bearer('right'));
    await who(bearer('right'));
    assert.equal(service.asked.length, 2);
  });
});

test('the same question is asked once, however many ask it at a time', async (t) => {
  const { service, who } = await setUp(t);
  const all = await Promise.all(Array.from({ length: 50 }, () => who(bearer('right'))));
  assert.equal(new Set(all).size, 1);
  assert.equal(service.asked.length, 1);
});

test('amplification: no more than so many questions are under way', async (t) => {
  const { service, who, troubles } = await setUp(t);
  const held: http.ServerResponse[] = [];
  service.answer = (_, response) => void held.push(response);
  const asking = Array.from({ length: EXTERNAL_AUTH_CALLS_MAX }, (_, i) => who(bearer(`${i}`)));
  await assert.rejects(who(bearer('one more')), { code: 'AUTH_UNAVAILABLE' });
  assert.match(troubles.join(), /questions are under way/);
  service.close();
  for (const answer of await Promise.allSettled(asking)) assert.equal(answer.status, 'rejected');
});

test('a service over plain HTTP elsewhere is told of', () => {
  const troubles: string[] = [];
  for (const url of [
    'http://auth.test/',
    'http://127.0.0.1:1/',
    'http://[::1]:1/',
    'https://a.test/',
  ])
    createExternalAuthenticator(
      { type: 'external', name: 'sso', url, roles: [] },
      (why) => void troubles.push(`${url}: ${why}`),
    );
  assert.equal(troubles.length, 1);
  assert.match(troubles[0], /^http:\/\/auth\.test\/: credentials go to it over plain HTTP/);
});

test('an identity of another service is nobody after a change, of the same one it has the scopes of today', async (t) => {
  const { who, service } = await setUp(t);
  const before = (await who(bearer('right')))!;
  const same = await setUp(t, { url: service.url, names: ['web'] });
  assert.deepEqual(same.authenticator.current(before)?.names.patterns, ['web']);
  const other = await setUp(t);
  assert.equal(other.authenticator.current(before), null);
});
