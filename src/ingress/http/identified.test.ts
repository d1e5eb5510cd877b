import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import {
  arrived,
  get,
  ok,
  relay,
  type Played,
  type PlayedStream,
} from '../../../test/support/http-ingress.ts';
import type { Reception } from '../../access/authenticate/reception.ts';
import type { Credentials } from '../../access/authenticator.ts';
import { createVouchedIdentity, type Identity } from '../../access/identity.ts';
import { SallyportError } from '../../errors.ts';
import { createServiceRules, type ServiceRule } from '../../registry/service-rules.ts';

const identity = (name: string, names = ['*']): Identity =>
  createVouchedIdentity({ name, authority: 'company', roles: ['consumer'], names })!;
const people: Record<string, Identity> = {
  'Bearer ann': identity('ann'),
  'Bearer bob': identity('bob'),
  'Bearer cyd': identity('cyd', ['other']),
};

/** Service `a` asks who its consumers are; `late` answers are held until the test lets them go. */
async function ask(t: TestContext, rule: Partial<ServiceRule> = {}) {
  const asked: Credentials[] = [];
  const held = Promise.withResolvers<void>();
  /** `held` resolves when the first answer is. */
  const late = { hold: false, held: held.promise, settle: (): void => {} };
  const admit: Reception['admit'] = (door, presented, names) => {
    asked.push(presented);
    assert.deepEqual([door, names], ['service', ['company']]);
    const known = people[presented.authorization ?? ''];
    const refusal = new SallyportError('CONSUMER_AUTH', 'service a: not known');
    if (!late.hold) {
      if (known === undefined) throw refusal;
      return known;
    }
    const { promise, resolve, reject } = Promise.withResolvers<Identity>();
    held.resolve();
    late.settle = () => (known === undefined ? reject(refusal) : resolve(known));
    return promise;
  };
  const reception = { admit, challenge: () => 'Bearer realm="played"' };
  const rules = createServiceRules([{ name: 'a', authenticators: ['company'], ...rule }]);
  const played = await relay(t, { demands: { rules, reception } });
  return { played, asked, late, client: played.client };
}

const as = (who: string, path = '/'): string => get(path, `Authorization: Bearer ${who}\r\n`);

async function answer(played: Played, heads: number, stream = 0): Promise<PlayedStream> {
  return (await arrived(played, heads, stream)).accept().answer(ok(`answer ${stream}.${heads}`));
}

describe('a service that asks who its consumers are', () => {
  test('is reached by who is known, and its target does not see the credentials', async (t) => {
    const { played, asked, client } = await ask(t);
    client.send(as('ann', '/x/y?q=1'));
    const stream = await answer(played, 1);
    await client.until((text) => text.endsWith('answer 0.1'));
    assert.doesNotMatch(stream.received, /authorization/i);
    const [{ authorization, service, method, host, path, peer, certificate }] = asked;
    assert.deepEqual(
      [authorization, service, method, host, path, certificate],
      ['Bearer ann', 'a', 'GET', 'a.test', '/x/y', null],
    );
    assert.equal(peer, `127.0.0.1:${client.socket.localPort}`);
  });

  test('passes the credentials on where that is configured', async (t) => {
    const { played, client } = await ask(t, { forwardAuthorization: true });
    client.send(as('ann'));
    assert.match((await answer(played, 1)).received, /\r\nAuthorization: Bearer ann\r\n/);
  });

  test('answers 401 with a challenge to others, and the connection goes on', async (t) => {
    const { played, client } = await ask(t);
    client.send(get()).send(as('eve')).send(as('ann'));
    await answer(played, 1);
    const text = await client.until((so) => so.endsWith('answer 0.1'));
    assert.equal(text.match(/^HTTP\/1\.1 401 /gm)?.length, 2);
    assert.equal(text.match(/^WWW-Authenticate: Bearer realm="played"\r$/gm)?.length, 2);
    assert.equal(played.streams.length, 1);
  });

  test('answers 403 to who is known and may not reach it', async (t) => {
    const { played, client } = await ask(t);
    client.send(as('cyd'));
    assert.match(await client.until((so) => so.includes('\r\n\r\n')), /^HTTP\/1\.1 403 .*\r\n/);
    assert.equal(played.streams.length, 0);
  });

  test('does not ask for those of others', async (t) => {
    const { played, asked, client } = await ask(t);
    client.send(`GET / HTTP/1.1\r\nHost: b.test\r\nAuthorization: Bearer x\r\n\r\n`);
    assert.match((await answer(played, 1)).received, /Authorization: Bearer x/);
    assert.equal(asked.length, 0);
  });

  test('does not show a rendez-vous token to who is asked', async (t) => {
    const { played, asked, client } = await ask(t);
    const token = 'rendez-vous-token';
    played.routes.add({ token }, { service: 'a' });
    client.send(as('ann', `/_token/${token}/x`)).send(as('ann', `/_token/${token}`));
    await answer(played, 1);
    await answer(played, 2);
    assert.deepEqual(
      asked.map(({ path }) => path),
      ['/x', '/'],
    );
  });
});

describe('identity swap: a kept stream', () => {
  test('carries requests of one caller only', async (t) => {
    const { played, client } = await ask(t);
    client.send(as('ann'));
    await answer(played, 1);
    client.send(as('ann'));
    await answer(played, 2);
    client.send(as('bob'));
    await answer(played, 1, 1);
    client.send(as('ann'));
    await answer(played, 1, 2);
    await client.until((text) => text.endsWith('answer 2.1'));
    assert.ok(played.streams[0].wasReset && played.streams[1].wasReset);
  });

  test('of a service that did not ask before is not used by who is known', async (t) => {
    const { played, client } = await ask(t);
    client.send(`GET / HTTP/1.1\r\nHost: b.test\r\n\r\n`);
    await answer(played, 1);
    client.send(as('ann'));
    await answer(played, 1, 1);
    await client.until((text) => text.endsWith('answer 1.1'));
  });
});

describe('an answer that comes later', () => {
  test('lets the request through, its body too', async (t) => {
    const { played, late, client } = await ask(t);
    late.hold = true;
    const head = as('ann')
      .replace('GET', 'POST')
      .replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\n');
    client.send(`${head}hello`);
    await late.held;
    assert.equal(played.streams.length, 0);
    late.settle();
    await played.until(() => played.streams[0]?.received.endsWith('hello') ?? false);
    played.streams[0].accept().answer(ok('done'));
    await client.until((text) => text.endsWith('done'));
  });

  test('refuses with the challenge, and is not tried on another upstream', async (t) => {
    const { played, late, client } = await ask(t);
    late.hold = true;
    client.send(as('eve'));
    await late.held;
    late.settle();
    const text = await client.until((so) => so.includes('\r\n\r\n'));
    assert.match(text, /^HTTP\/1\.1 401 /);
    assert.match(text, /WWW-Authenticate: Bearer realm="played"/);
    assert.match(text, /CONSUMER_AUTH/);
    assert.equal(played.streams.length, 0);
    late.hold = false;
    client.send(as('ann'));
    await answer(played, 1);
    await client.until((so) => so.endsWith('answer 0.1'));
  });

  test('is of no interest to a client that has left', async (t) => {
    const { played, late, client } = await ask(t);
    late.hold = true;
    client.send(as('eve'));
    await late.held;
    client.socket.destroy();
    await played.until(() => played.lines.length === 1);
    late.settle();
    assert.equal(played.lines[0].outcome, 'closed');
    assert.equal(played.streams.length, 0);
  });

  test('does not use a kept stream, whose caller could be another, but keeps the new one', async (t) => {
    const { played, late, client } = await ask(t);
    client.send(as('ann'));
    await answer(played, 1);
    await client.until((text) => text.endsWith('answer 0.1'));
    late.hold = true;
    client.send(as('ann'));
    await late.held;
    late.settle();
    await answer(played, 1, 1);
    await client.until((text) => text.endsWith('answer 1.1'));
    late.hold = false;
    client.send(as('ann'));
    await answer(played, 2, 1);
    await client.until((text) => text.endsWith('answer 1.2'));
    assert.equal(played.streams.length, 2);
  });
});

test('a stream that was ended because its caller is nobody any more is not opened again', async (t) => {
  const { played, client } = await ask(t);
  client.send(as('ann'));
  const stream = await arrived(played, 1);
  stream.accept().break('AUTH_FAILED', 'service a: the token is no longer known');
  const text = await client.until((so) => so.includes('\r\n\r\n'));
  assert.match(text, /^HTTP\/1\.1 401 [^]*the credentials are good no more/);
  assert.equal(played.streams.length, 1);
});
