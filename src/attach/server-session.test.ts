import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { connectRawClient, type RawClient } from '../../test/support/raw-client.ts';
import { until } from '../../test/support/wait.ts';
import { createIdentities, type Role } from '../access/identity.ts';
import { SallyportError } from '../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../limits.ts';
import type { Session, Stream, StreamReceiver } from '../session/session.ts';
import type { Registered, ServiceOffer } from './messages.ts';
import { ServerSession, type SessionHost } from './server-session.ts';

const nobody: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };
const token = 'sp_token-of-the-session-tests';
const offer: ServiceOffer = { name: 'web', kind: 'http' };
const registered: Registered = { type: 'registered', ref: 0, urls: ['http://web.localhost/'] };

/** A host that writes down what it is asked, and does what the test says. */
class Host implements SessionHost {
  readonly program = 'srv/1';
  readonly watched = new Set<Session>();
  readonly heartbeat = {
    add: (session: Session) => void this.watched.add(session),
    remove: (session: Session) => void this.watched.delete(session),
    close() {},
  };
  readonly told: string[] = [];
  readonly offers: ServiceOffer[] = [];
  readonly streams: Stream[] = [];
  answer: () => Promise<Registered> = () => Promise.resolve(registered);
  admit: () => void = () => {};

  attached(): void {
    this.admit();
    this.told.push('attached');
  }

  register(_session: ServerSession, service: ServiceOffer): Promise<Registered> {
    this.offers.push(service);
    return this.answer();
  }

  unregister(_session: ServerSession, name: string): void {
    this.told.push(`unregister ${name}`);
  }

  accept(_session: ServerSession, stream: Stream): StreamReceiver {
    this.streams.push(stream);
    return nobody;
  }

  left(): void {
    this.told.push('left');
  }

  detached(_session: ServerSession, error: SallyportError | null): void {
    this.told.push(`detached ${error?.code ?? 'in order'}`);
  }
}

async function attach(t: TestContext, roles: readonly Role[] = ['agent', 'consumer']) {
  const { link, client, cut } = await connectRawClient(t);
  const host = new Host();
  const identities = createIdentities([{ name: 'ann', token, roles }]);
  const identity = identities.authenticate(`Bearer ${token}`)!;
  const session = new ServerSession('s1', link, identity, '192.0.2.1:5', host);
  return { client, cut, host, session };
}

/** The code that the session ends with, the same at both ends. */
async function ends(client: RawClient, host: Host, code: string): Promise<string> {
  const ending = await client.ending();
  assert.ok(ending !== null);
  assert.equal(ending.code, code, ending.message);
  await until('the host is told', () => host.told.includes(`detached ${code}`));
  assert.equal(host.watched.size, 0);
  return ending.message;
}

test('hello is welcomed, and the session is watched from then on', async (t) => {
  const { client, host, session } = await attach(t);
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
  const { client, host } = await attach(t);
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

test('an answer that comes after the client has left harms nobody', async (t) => {
  const { client, host } = await attach(t);
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
      const { client, host } = await attach(t);
      commit(client);
      assert.match(await ends(client, host, 'PROTOCOL_MESSAGE'), message);
      assert.deepEqual([host.offers.length, host.streams.length], [0, 0]);
    });
  }
});

test('another version is refused by name, and never attached', async (t) => {
  const { client, host } = await attach(t);
  client.hello({ version: 2 });
  assert.match(await ends(client, host, 'VERSION_UNSUPPORTED'), /version 2; .* version 1/);
  assert.ok(!host.told.includes('attached'));
});

test('an older connection is refused with what the host says', async (t) => {
  const { client, host } = await attach(t);
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
      const { client, host } = await attach(t, [has]);
      client.hello({ role: wants });
      assert.match(await ends(client, host, 'DENIED'), new RegExp(`act as ${wants}`));
      assert.ok(!host.told.includes('attached'));
    });
  }

  test('a consumer opens data streams, and may not register', async (t) => {
    const { client, host } = await attach(t);
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
    const { client, host } = await attach(t);
    client.hello();
    client.session.goAway();
    await until('the host is told', () => host.told.includes('left'));
    assert.deepEqual(host.told, ['attached', 'left']);
    client.say({ type: 'register', ref: 1, service: offer });
    await client.hears(1);
  });

  test('the end of the control stream is the end of the session, in order', async (t) => {
    const { client, host } = await attach(t);
    const control = client.open();
    client.hello();
    await client.hears(0);
    control.end();
    await until('the host is told', () => host.told.includes('detached in order'));
    assert.equal(host.watched.size, 0);
  });

  test('a broken link: left and detached, once each', async (t) => {
    const { client, cut, host } = await attach(t);
    client.hello();
    await client.hears(0);
    cut();
    await until('the host is told', () => host.told.includes('detached LINK_LOST'));
    assert.deepEqual(host.told, ['attached', 'left', 'detached LINK_LOST']);
  });

  test('drain tells the client, and takes no new streams from it', async (t) => {
    const { client, host, session } = await attach(t);
    client.hello({ role: 'consumer' });
    await client.hears(0);
    session.drain();
    assert.deepEqual(await client.hears(1), { type: 'drain' });
    assert.throws(() => client.session.open(nobody), { code: 'SESSION_CLOSED' });
    assert.deepEqual([host.streams.length, client.endings.length], [0, 0]);
  });
});

test('slow handshake: a client that never says hello is cut off in time, and one that did stays', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const silent = await attach(t);
  const dripping = await attach(t);
  const polite = await attach(t);
  dripping.client.open().send(Buffer.from('000000', 'hex'));
  polite.client.hello();
  await polite.client.hears(0);
  t.mock.timers.tick(HANDSHAKE_TIMEOUT_MS - 1);
  assert.deepEqual([silent.host.told, dripping.host.told], [[], []]);
  t.mock.timers.tick(1);
  for (const { client, host } of [silent, dripping]) {
    assert.match(await ends(client, host, 'HANDSHAKE_TIMEOUT'), /hello: none within/);
  }
  assert.equal(polite.client.endings.length, 0);
});

describe('flood', () => {
  const register = { type: 'register', ref: 1, service: { name: 'x', kind: 'tcp' } };
  const refuse = () => Promise.reject(new SallyportError('NAME_TAKEN', 'y'.repeat(400)));
  const FLOOD = 4_000;

  test('a client that registers without end and reads no answer is cut off', async (t) => {
    const { client, host } = await attach(t);
    host.answer = refuse;
    client.open(false);
    client.hello();
    for (let n = 0; n < FLOOD; n++) client.say(register);
    assert.match(await ends(client, host, 'PROTOCOL_MESSAGE'), /does not read its answers/);
    assert.ok(host.offers.length < FLOOD, `${host.offers.length} were still answered`);
  });

  test('one that reads them may go on for ever', async (t) => {
    const { client, host } = await attach(t);
    host.answer = refuse;
    client.hello();
    for (let n = 0; n < FLOOD; n++) {
      client.say(register);
      if (n % 500 === 0) await client.hears(n);
    }
    await client.hears(FLOOD);
    assert.equal(client.endings.length, 0);
  });
});
