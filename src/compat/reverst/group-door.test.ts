import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { startAuthService } from '../../../test/support/auth-service.ts';
import type { ErrorCode, SallyportError } from '../../errors.ts';
import type { GroupAuthentication } from './group-authentication.ts';
import { createGroupDoor } from './group-door.ts';
import type { SecretEvents } from './groups-source.ts';

const hash = (hex: string): string => hex.repeat(32);

/** A door, and the secrets that its group names by path. */
function openDoor(t: TestContext, ...authentication: GroupAuthentication[]) {
  const secrets = new Map<string, { bytes: Buffer | null; events: SecretEvents }>();
  const troubles: SallyportError[] = [];
  let changes = 0;
  const door = createGroupDoor(
    { name: 'g', hosts: ['a.test'], authentication },
    {
      openSecret(path, events) {
        const secret = { bytes: null, events, close() {} };
        secrets.set(path, secret);
        return secret;
      },
      changed: () => void changes++,
      trouble: (error) => void troubles.push(error),
    },
  );
  t.after(() => door.close());
  const admit = (authorization: string | null) =>
    door.admit({ group: 'g', authorization, peer: '192.0.2.7:1000' });
  const refused = (authorization: string | null, code: ErrorCode) =>
    assert.rejects(admit(authorization), { code });
  const put = (path: string, text: string): void => {
    const secret = secrets.get(path)!;
    secret.bytes = Buffer.from(text);
    secret.events.changed();
  };
  return { door, admit, refused, put, troubles, changes: () => changes };
}

function bearerAt(value: string, hashed: boolean): GroupAuthentication {
  return { kind: 'bearer', scheme: 'Bearer', token: { from: 'path', hashed, value } };
}

const external = (endpoint: string): GroupAuthentication => ({
  kind: 'external',
  scheme: 'Bearer',
  endpoint,
});

test('an open group lets everybody in, with and without credentials', async (t) => {
  const { admit } = openDoor(t);
  assert.equal(await admit(null), null);
  assert.equal(await admit('Basic x'), null);
});

test('a token in a file: nobody before it was read, then whoever has all of its bytes', async (t) => {
  const { door, admit, refused, put, changes } = openDoor(t, bearerAt('token', false));
  await refused('Bearer one', 'AUTH_FAILED');
  await refused('Bearer null', 'AUTH_FAILED');
  put('token', 'one');
  const admittance = await admit('Bearer one');
  await refused('Bearer one two', 'AUTH_FAILED');
  assert.ok(door.stillAdmits(admittance));
  put('token', 'two');
  assert.ok(!door.stillAdmits(admittance));
  await refused('Bearer one', 'AUTH_FAILED');
  await admit('Bearer two');
  put('token', 'two\n');
  await refused('Bearer two', 'AUTH_FAILED');
  assert.equal(changes(), 3);
});

test('a hash in a file: spaces around it do not count, and what is none lets nobody in', async (t) => {
  const { admit, refused, put } = openDoor(t, bearerAt('hash', true));
  put('hash', ' 550643F45E135491C47BEA94823B37278D5DD91375B285D44001D005D1603A33\n');
  await admit('Bearer hashed-token');
  await refused(
    'Bearer 550643f45e135491c47bea94823b37278d5dd91375b285d44001d005d1603a33',
    'AUTH_FAILED',
  );
  put('hash', 'hashed-token');
  await refused('Bearer hashed-token', 'AUTH_FAILED');
});

test('a token in a cluster: what reads like a hash is one', async (t) => {
  const place = 'k8s://secret/ns/name/key';
  const { admit, refused, put } = openDoor(t, bearerAt(place, false));
  put(place, '550643f45e135491c47bea94823b37278d5dd91375b285d44001d005d1603a33');
  await admit('Bearer hashed-token');
  put(place, 'plain-token');
  await admit('Bearer plain-token');
  await refused('Bearer hashed-token', 'AUTH_FAILED');
});

test('an endpoint is asked, with the field as it came; 200 lets in', async (t) => {
  const service = await startAuthService(t);
  const { admit, refused, door } = openDoor(t, external(service.url));
  const admittance = await admit('Bearer right');
  const [asked] = service.asked;
  assert.equal(asked.method, 'GET');
  assert.equal(asked.headers.authorization, 'Bearer right');
  assert.equal(asked.headers['sallyport-service'], 'g');
  await refused('Bearer wrong', 'AUTH_FAILED');
  const before = service.asked.length;
  await refused('Basic right', 'AUTH_FAILED');
  await refused(null, 'AUTH_REQUIRED');
  assert.equal(service.asked.length, before, 'it is asked about its own scheme only');
  assert.ok(door.stillAdmits(admittance));
  assert.ok(!openDoor(t, external(`${service.url}2`)).door.stillAdmits(admittance));
});

test('fails closed: no other answer of an endpoint lets in, and none does', async (t) => {
  const service = await startAuthService(t);
  const answers: [(response: ServerResponse) => void, ErrorCode][] = [
    [(response) => response.writeHead(403).end(), 'AUTH_FAILED'],
    [(response) => response.writeHead(302, { location: service.url }).end(), 'AUTH_UNAVAILABLE'],
    [(response) => response.writeHead(204).end(), 'AUTH_UNAVAILABLE'],
    [(response) => response.writeHead(500).end(), 'AUTH_UNAVAILABLE'],
    [(response) => response.destroy(), 'AUTH_UNAVAILABLE'],
    [(response) => response.end(Buffer.alloc(1024 * 1024)), 'AUTH_UNAVAILABLE'],
  ];
  for (const [answer, code] of answers) {
    service.answer = (_, response) => answer(response);
    await openDoor(t, external(service.url)).refused('Bearer right', code);
  }
  assert.equal(service.asked.length, answers.length, 'redirects are not followed');
  service.close();
  const { refused, troubles } = openDoor(t, external(service.url));
  await refused('Bearer right', 'AUTH_UNAVAILABLE');
  assert.ok(troubles.every(({ message }) => !message.includes('right')));
});

test('what could not stand in a field is no authorization', async (t) => {
  const service = await startAuthService(t);
  const { refused } = openDoor(t, external(service.url));
  for (const written of [
    'Bearer',
    'Bearer ',
    'Bearer right\r\nX: y',
    'Bearer right\0',
    'Beärer right',
    '',
  ])
    await refused(written, 'AUTH_FAILED');
  assert.equal(service.asked.length, 0);
});

test('several ways: the word in front tells which one is meant, in any case', async (t) => {
  const { admit, refused } = openDoor(
    t,
    { kind: 'basic', scheme: 'Own', username: 'u', password: 'p:q' },
    {
      kind: 'bearer',
      scheme: 'Bearer',
      token: { from: 'text', hashed: true, value: hash('ab') },
    },
  );
  await admit(`oWN ${Buffer.from('u:p:q').toString('base64')}`);
  await refused(`Basic ${Buffer.from('u:p:q').toString('base64')}`, 'AUTH_FAILED');
  await refused(`Bearer ${hash('ab')}`, 'AUTH_FAILED');
});
