import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RawClient } from '../../test/support/raw-client.ts';
import { attachRaw, ends, nobody, offer, registered } from '../../test/support/session-host.ts';
import { until } from '../../test/support/wait.ts';
import { SallyportError } from '../errors.ts';
import type { Registered } from './messages.ts';

test('hello is welcomed, and the session is watched from then on', async (t) => {
  const { client, host, session } = await attachRaw(t);
  assert.equal(session.hello, null);
  client.hello({ epoch: 7 });
  assert.deepEqual(await client.hears(0), {
    type: 'welcome',
    version: 1,
    session: 's1',
    program: 'srv/1',
    features: [],
  });
  assert.deepEqual([session.hello!.epoch, host.told.join()], [7, 'attached']);
  assert.deepEqual([...host.watched], [session.session]);
});

test('registrations are answered under their own numbers, refusals by name', async (t) => {
  const { client, host } = await attachRaw(t);
  client.hello();
  client.say({ type: 'register', ref: 5, service: { ...offer, port: 0, later: 1 } });
  const answer = await client.hears(1);
  assert.deepEqual(answer, { ...registered, ref: 5 });
  assert.deepEqual(host.offers, [{ ...offer, port: 0 }]);
  host.answer = () => Promise.reject(new SallyportError('HOST_TAKEN', 'host: taken'));
  client.say({ type: 'register', ref: 6, service: offer });
  const refusal = { type: 'error', ref: 6, code: 'HOST_TAKEN', message: 'host: taken' };
  assert.deepEqual(await client.hears(2), refusal);
  host.answer = () => Promise.reject(new SallyportError('DENIED', 'x'.repeat(5_000)));
  client.say({ type: 'register', ref: 7, service: offer });
  assert.equal((await client.hears(3)).type, 'error', 'a long refusal is one that can be read');
  client.say({ type: 'unregister', name: 'web' });
  await until('the host is told', () => host.told.includes('unregister web'));
  assert.equal(client.endings.length, 0);
});

test('a service is withdrawn: the host takes it out, and the client reads why under its number', async (t) => {
  const { client, host, session } = await attachRaw(t);
  client.hello();
  client.say({ type: 'register', ref: 5, service: offer });
  await client.hears(1);
  session.withdraw('other', new SallyportError('KICKED', 'service other: no such thing'));
  session.withdraw('web', new SallyportError('KICKED', 'service web: by the test'));
  session.withdraw('web', new SallyportError('KICKED', 'service web: twice'));
  const message = { type: 'error', ref: 5, code: 'KICKED', message: 'service web: by the test' };
  assert.deepEqual(await client.hears(2), message);
  assert.deepEqual(host.told, ['attached', 'unregister web']);
  assert.equal(client.endings.length, 0);
});

test('an answer that comes after the client has left harms nobody', async (t) => {
  const { client, host } = await attachRaw(t);
  const answer = Promise.withResolvers<Registered>();
  host.answer = () => answer.promise;
  client.hello();
  client.say({ type: 'register', ref: 5, service: offer });
  await until('it is asked', () => host.offers.length === 1);
  client.session.close(null);
  await until('it has left', () => host.told.includes('detached in order'));
  answer.resolve(registered);
  await answer.promise;
  assert.equal(client.heard.length, 1, 'nothing but the welcome');
});

describe('breaches end the session with PROTOCOL_MESSAGE', () => {
  const breaches: [string, RegExp, (client: RawClient) => unknown][] = [
    [
      'hello twice',
      /hello a second time/,
      (client) => [client.hello(), client.hello({ epoch: 2 })],
    ],
    [
      'a registration before hello',
      /register before hello/,
      (client) => client.say({ type: 'register', ref: 1, service: offer }),
    ],
    [
      'unregister before hello',
      /unregister before hello/,
      (client) => client.say({ type: 'unregister', name: 'web' }),
    ],
    [
      'a message that only servers send',
      /drain from a client/,
      (client) => [client.hello(), client.say({ type: 'drain' })],
    ],
    [
      'a welcome in place of hello',
      /welcome before hello/,
      (client) =>
        client.say({ type: 'welcome', version: 1, session: 'x', program: 'x', features: [] }),
    ],
    ['an unknown message', /unknown type/, (client) => client.say({ type: 'dance' })],
    [
      'what is not JSON',
      /not valid JSON/,
      (client) => client.open().send(Buffer.from('\0\0\0\x01x', 'latin1')),
    ],
    [
      'a message above the bound',
      /above 65536/,
      (client) => client.open().send(Buffer.from('00010001', 'hex')),
    ],
    [
      'a data stream before hello',
      /only a consumer/,
      (client) => [client.open(), client.session.open(nobody)],
    ],
    [
      'a data stream of an agent',
      /only a consumer/,
      (client) => [client.hello(), client.session.open(nobody)],
    ],
    ['a reset of the control stream', /was reset/, (client) => client.open().reset()],
  ];
  for (const [name, message, commit] of breaches) {
    test(name, async (t) => {
      const { client, host } = await attachRaw(t);
      commit(client);
      assert.match(await ends(client, host, 'PROTOCOL_MESSAGE'), message);
      assert.deepEqual([host.offers.length, host.streams.length], [0, 0]);
    });
  }
});

test('another version is refused by name, and never attached', async (t) => {
  const { client, host } = await attachRaw(t);
  client.hello({ version: 2 });
  assert.match(await ends(client, host, 'VERSION_UNSUPPORTED'), /version 2; .* version 1/);
  assert.ok(!host.told.includes('attached'));
});

test('an older connection is refused with what the host says', async (t) => {
  const { client, host } = await attachRaw(t);
  host.admit = () => {
    throw new SallyportError('REPLACED', 'hello: a newer one is attached');
  };
  client.hello();
  assert.match(await ends(client, host, 'REPLACED'), /a newer one/);
  assert.equal(client.heard.length, 0);
});

describe('roles', () => {
  for (const [has, wants] of [
    ['consumer', 'agent'],
    ['agent', 'consumer'],
  ] as const) {
    test(`a token for ${has}s does not attach ${wants}s`, async (t) => {
      const { client, host } = await attachRaw(t, [has]);
      client.hello({ role: wants });
      assert.match(await ends(client, host, 'DENIED'), new RegExp(`act as ${wants}`));
      assert.ok(!host.told.includes('attached'));
    });
  }

  test('a consumer opens data streams, and may not register', async (t) => {
    const { client, host } = await attachRaw(t);
    client.hello({ role: 'consumer' });
    client.say({ type: 'register', ref: 1, service: offer });
    const { code } = (await client.hears(1)) as { code: string };
    assert.equal(code, 'DENIED');
    client.session.open(nobody);
    await until('the stream arrives', () => host.streams.length === 1);
    assert.deepEqual([host.offers.length, client.endings.length], [0, 0]);
  });
});

describe('the end', () => {
  test('an agent that goes away gets no new streams; the session goes on', async (t) => {
    const { client, host } = await attachRaw(t);
    client.hello();
    client.session.goAway();
    await until('the host is told', () => host.told.includes('left'));
    assert.deepEqual(host.told, ['attached', 'left']);
    client.say({ type: 'register', ref: 1, service: offer });
    await client.hears(1);
  });

  test('the end of the control stream is the end of the session, in order', async (t) => {
    const { client, host } = await attachRaw(t);
    const control = client.open();
    client.hello();
    await client.hears(0);
    control.end();
    await until('the host is told', () => host.told.includes('detached in order'));
    assert.equal(host.watched.size, 0);
  });

  test('a broken link: left and detached, once each', async (t) => {
    const { client, cut, host } = await attachRaw(t);
    client.hello();
    await client.hears(0);
    cut();
    await until('the host is told', () => host.told.includes('detached LINK_LOST'));
    assert.deepEqual(host.told, ['attached', 'left', 'detached LINK_LOST']);
  });

  test('drain tells the client, and takes no new streams from it', async (t) => {
    const { client, host, session } = await attachRaw(t);
    client.hello({ role: 'consumer' });
    await client.hears(0);
    session.drain();
    assert.deepEqual(await client.hears(1), { type: 'drain' });
    assert.throws(() => client.session.open(nobody), { code: 'SESSION_CLOSED' });
    assert.deepEqual([host.streams.length, client.endings.length], [0, 0]);
  });
});
