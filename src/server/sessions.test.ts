import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { connectRawClient, type RawClient } from '../../test/support/raw-client.ts';
import { openDoor } from '../../test/support/service-door.ts';
import { until } from '../../test/support/wait.ts';
import { createIdentities } from '../access/identities.ts';
import { allScopes } from '../access/identity.ts';
import type { Hello, Registered } from '../attach/messages.ts';
import { SallyportError } from '../errors.ts';
import { SESSIONS_MAX } from '../limits.ts';
import { createEventLog } from '../events/log.ts';
import type { Logger } from '../observe/logger.ts';
import type { StreamReceiver } from '../session/session.ts';
import type { Link } from '../transport/link.ts';
import type { Registrar } from './registrar.ts';
import { createSessions } from './sessions.ts';

const nobody: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };
const tokens = { ann: 'sp_token-of-ann', bob: 'sp_token-of-bob' };
const identities = createIdentities(
  Object.entries(tokens).map(([name, token]) => ({ name, token, ...allScopes })),
);
const identityOf = (name: keyof typeof tokens) =>
  identities.authenticate(`Bearer ${tokens[name]}`)!;

function open(t: TestContext, refusal: SallyportError | null = null) {
  const left = new Set<string>();
  const told: string[] = [];
  const registered: Registered = { type: 'registered', ref: 0, urls: ['http://web/'] };
  const registrar: Registrar = {
    register: async () => {
      if (refusal !== null) throw refusal;
      return registered;
    },
    unregister() {},
    services: () => [],
    outOfScope: () => null,
    permit: () => undefined,
    urls: () => [],
    leave: ({ id }) => void left.add(id),
    vanished() {},
  };
  const log = {
    info: (fields: { session: string; code?: string }, message: string) =>
      void told.push(`${message} ${fields.session}${fields.code ? ` ${fields.code}` : ''}`),
  } as unknown as Logger;
  const { accessLog, newId, gate } = openDoor(t, {});
  const events = createEventLog();
  const sessions = createSessions({
    program: 'srv/1',
    heartbeatMs: 60_000,
    gate,
    registrar,
    events,
    accessLog,
    log,
    newId,
  });
  t.after(() => sessions.close(null));
  /** A client that said hello; the n-th has the id `sN`. */
  const attach = async (
    hello: Partial<Hello> = {},
    name: keyof typeof tokens = 'ann',
  ): Promise<RawClient> => {
    const { link, client } = await connectRawClient(t);
    sessions.attach(link, identityOf(name), '192.0.2.1:1');
    client.hello(hello);
    await until('it is answered', () => client.heard.length + client.endings.length > 0);
    return client;
  };
  return { sessions, attach, told, left, events };
}

const code = async (client: RawClient): Promise<string | undefined> =>
  (await client.ending())?.code;

describe('one instance has one session', () => {
  test('a ghost is replaced by a higher epoch, at once', async (t) => {
    const { sessions, attach, told, left } = open(t);
    const ghost = await attach({ epoch: 1 });
    const present = await attach({ epoch: 2 });
    assert.equal(await code(ghost), 'REPLACED');
    await until('it is told', () => told.includes('detached s1 REPLACED'));
    assert.deepEqual([sessions.count, [...left], present.endings], [1, ['s1'], []]);
    const later = await attach({ epoch: 7 });
    assert.equal(await code(present), 'REPLACED');
    assert.equal(later.endings.length, 0);
  });

  for (const epoch of [4, 5]) {
    test(`epoch ${epoch} does not replace epoch 5, nor loosen its hold`, async (t) => {
      const { sessions, attach } = open(t);
      const present = await attach({ epoch: 5 });
      for (let times = 0; times < 2; times++) {
        assert.equal(await code(await attach({ epoch })), 'REPLACED');
      }
      await until('it is gone', () => sessions.count === 1);
      assert.equal(present.endings.length, 0);
    });
  }

  test('after the end of a session its epoch means nothing', async (t) => {
    const { sessions, attach } = open(t);
    (await attach({ epoch: 9 })).session.close(null);
    await until('it is gone', () => sessions.count === 0);
    assert.equal((await attach({ epoch: 1 })).endings.length, 0);
  });

  test('tenants: somebody else’s instance is not replaced under another identity', async (t) => {
    const { sessions, attach } = open(t);
    const anns = await attach({ epoch: 1 }, 'ann');
    await attach({ epoch: 2 }, 'bob');
    await attach({ epoch: 3, instance: 'another' }, 'ann');
    assert.deepEqual([sessions.count, anns.endings.length], [3, 0]);
  });
});

test('streams are counted without the control streams', async (t) => {
  const { sessions, attach } = open(t);
  const [agent, consumer] = [await attach(), await attach({ instance: 'c', role: 'consumer' })];
  const { link } = await connectRawClient(t);
  sessions.attach(link, identityOf('ann'), '192.0.2.1:1');
  assert.deepEqual([sessions.count, sessions.streams], [3, 0]);
  const stream = consumer.session.open(nobody);
  await until('it is counted', () => sessions.streams === 1);
  stream.reset();
  await until('it is not any more', () => sessions.streams === 0);
  assert.equal(agent.endings.length, 0);
});

test('a displaced agent is told why; whom nobody knows is not missed', async (t) => {
  const { sessions, attach, told } = open(t);
  const [first, second] = [await attach(), await attach({ instance: 'b' })];
  const error = new SallyportError('REPLACED', 'service web: taken over');
  sessions.displace('s99', error);
  sessions.displace('s1', error);
  assert.equal((await first.ending())?.message, 'service web: taken over');
  await until('it is told', () => told.includes('detached s1 REPLACED'));
  assert.equal(second.endings.length, 0);
});

test('drain tells every client, takes no new services, and ends none', async (t) => {
  const { sessions, attach } = open(t);
  const clients = [await attach(), await attach({ instance: 'c', role: 'consumer' })];
  sessions.drain();
  for (const client of clients) assert.deepEqual(await client.hears(1), { type: 'drain' });
  assert.equal(sessions.count, 2);
  clients[0].say({ type: 'register', ref: 1, service: { name: 'web', kind: 'http' } });
  assert.equal(((await clients[0].hears(2)) as { code?: string }).code, 'SERVER_DRAINING');
  sessions.close(null);
  for (const client of clients) assert.equal(await client.ending(), null);
  assert.equal(sessions.count, 0);
});

test('what happens is told in the log, with the token nowhere', async (t) => {
  const { attach, told } = open(t);
  const client = await attach();
  client.say({ type: 'register', ref: 1, service: { name: 'web', kind: 'http' } });
  await client.hears(1);
  client.say({ type: 'unregister', name: 'web' });
  client.session.close(null);
  await until('the end is told', () => told.length === 4);
  assert.deepEqual(told, ['attached s1', 'registered s1', 'unregistered s1', 'detached s1']);
});

test('a service that is refused is published, with the reason', async (t) => {
  const refusal = new SallyportError('DENIED', 'register service vault: rule 1 denies it');
  const { attach, events } = open(t, refusal);
  const client = await attach();
  client.say({ type: 'register', ref: 1, service: { name: 'vault', kind: 'http' } });
  await until('it is answered', () => client.heard.some(({ type }) => type === 'error'));
  const { seq: _seq, time: _time, ...told } = events.since(0)!.at(-1)!;
  assert.deepEqual(told, {
    type: 'service.refused',
    service: 'vault',
    session: 's1',
    identity: 'ann',
    code: 'DENIED',
    reason: 'register service vault: rule 1 denies it',
  });
});

test('the coming and going of clients is published, with the reason; of one that never said hello nothing', async (t) => {
  const { sessions, attach, events } = open(t);
  await attach({ epoch: 1 });
  const present = await attach({ epoch: 2 });
  await attach({ epoch: 1 });
  await until('it is gone', () => sessions.count === 1);
  const { link } = await connectRawClient(t);
  sessions.attach(link, identityOf('ann'), '192.0.2.1:1');
  present.session.close(null);
  sessions.close(null);
  await until('all are gone', () => sessions.count === 0);
  const told = events
    .since(0)!
    .map((event) =>
      event.type === 'client.down'
        ? `${event.type} ${event.session} ${event.reason}`
        : `${event.type} ${'session' in event ? event.session : ''}`,
    );
  assert.deepEqual(told, [
    'client.up s1',
    'client.down s1 REPLACED',
    'client.up s2',
    'client.down s2 ok',
  ]);
  const [{ seq: _seq, time: _time, ...first }] = events.since(0)!;
  assert.deepEqual(first, {
    type: 'client.up',
    session: 's1',
    role: 'agent',
    identity: 'ann',
    peer: '192.0.2.1:1',
    protocol: 'sallyport',
  });
});

test(`more than ${SESSIONS_MAX} clients are not taken`, (t) => {
  const { sessions } = open(t);
  const link: Link = {
    send: () => true,
    sendPair: () => true,
    afterSends() {},
    backlog: 0,
    receive() {},
    close() {},
  };
  const ann = identityOf('ann');
  for (let n = 1; n < SESSIONS_MAX; n++) sessions.attach(link, ann, '192.0.2.1:1');
  assert.equal(sessions.full(), null);
  sessions.attach(link, ann, '192.0.2.1:1');
  assert.equal(sessions.full()?.code, 'SERVER_BUSY');
  sessions.displace('s1', new SallyportError('REPLACED', 'one leaves'));
  assert.equal(sessions.full(), null);
});

test('those that said hello are listed, and one is ended by its id', async (t) => {
  const { sessions, attach } = open(t);
  const [first, second] = [await attach({ instance: 'a' }), await attach({ instance: 'b' }, 'bob')];
  const { link } = await connectRawClient(t);
  sessions.attach(link, identityOf('ann'), '192.0.2.1:2');
  assert.deepEqual(
    sessions.list().map(({ id, identity }) => `${id} ${identity.name}`),
    ['s1 ann', 's2 bob'],
    'the third has not said who it is',
  );
  assert.equal(sessions.kick('s1', new SallyportError('KICKED', 'session: by the test')), true);
  assert.equal((await first.ending())?.code, 'KICKED');
  assert.equal(sessions.kick('s1', new SallyportError('KICKED', 'session: again')), false);
  assert.equal(second.endings.length, 0);
  assert.deepEqual(
    sessions.list().map(({ id }) => id),
    ['s2'],
  );
});
