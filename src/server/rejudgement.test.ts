import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { Visitor } from '../../test/support/agent-streams.ts';
import {
  composeConsumer,
  composeServer,
  runAgent,
  service,
  type RunningAgent,
} from '../../test/support/composition.ts';
import { startEcho } from '../../test/support/tcp-targets.ts';
import { until, within } from '../../test/support/wait.ts';
import type { IdentityOptions } from '../access/identities.ts';
import type { AccessRequest, Policy } from '../access/policy/policy.ts';
import type { LiveOptions } from './options.ts';

const agentToken = 'sp_agent-of-the-rejudgement-tests';
const consumerToken = 'sp_consumer-of-the-rejudgement-tests';
const tcpPorts = [{ low: 30_900, high: 30_919 }];

const agent: IdentityOptions = {
  name: 'agent',
  token: agentToken,
  roles: ['agent'],
  names: ['*'],
  ports: ['30900-30919'],
};
const consumer: IdentityOptions = {
  name: 'consumer',
  token: consumerToken,
  roles: ['consumer'],
  names: ['*'],
  targets: ['*:*'],
};

/** Server, agent with the services `one` and `two`, and consumer. */
async function compose(t: TestContext, services = ['one', 'two'], keepTrying = false) {
  const echo = await startEcho(t);
  const server = await composeServer(t, { identities: [agent, consumer], tcpPorts });
  const offers = services.map((name) => service(name, echo.address, { port: 0, allow: ['*:*'] }));
  const running = runAgent(t, server.address, offers, {
    token: agentToken,
    keepTrying,
  });
  await running.ready();
  const client = composeConsumer(t, server.address, { token: consumerToken });
  await client.attach(new AbortController().signal);
  return {
    server,
    echo,
    running,
    client,
    /** A stream that has been taken; rejects with what refused it. */
    async visit(wish: Parameters<typeof client.open>[0]): Promise<Visitor> {
      const visitor = new Visitor();
      visitor.stream = client.open(wish, visitor);
      await until('the stream is answered', () => visitor.told.length > 0);
      if (!visitor.told.includes('accepted')) throw await visitor.refusal();
      return visitor;
    },
  };
}

const failure = (running: RunningAgent): Promise<unknown> =>
  within(
    5_000,
    running.running.then(
      () => 'ended in order',
      ({ code }: { code: string }) => code,
    ),
  );

describe('a token that is gone', () => {
  test('ends the sessions of its identity, with AUTH_FAILED, and no others', async (t) => {
    const { server, running, client } = await compose(t);
    assert.deepEqual(server.reload({ identities: [consumer] }), ['identities']);
    assert.equal(await failure(running), 'AUTH_FAILED');
    const other = composeConsumer(t, server.address, { token: consumerToken });
    await other.attach(new AbortController().signal);
    server.reload({ identities: [agent] });
    assert.equal((await within(5_000, client.closed))?.code, 'AUTH_FAILED');
  });

  test('exchanged for another: who came with the old one has to come with the new', async (t) => {
    const { server, running } = await compose(t);
    server.reload({ identities: [{ ...agent, token: 'sp_another-token-of-the-agent' }, consumer] });
    assert.equal(await failure(running), 'AUTH_FAILED');
  });

  test('known again: it works at once', async (t) => {
    const { server, running, visit } = await compose(t, ['one'], true);
    server.reload({ identities: [consumer] });
    await until('the agent is gone', () => running.losses.includes('AUTH_FAILED'));
    server.reload({ identities: [agent, consumer] });
    await running.ready(2);
    assert.equal(await (await visit({ service: 'one' })).say('hello'), 'hello');
  });
});

describe('narrower scopes', () => {
  test('services that an agent may no longer offer are taken back, and their streams end', async (t) => {
    const { server, running, visit } = await compose(t);
    const [one, two] = [await visit({ service: 'one' }), await visit({ service: 'two' })];
    server.reload({ identities: [{ ...agent, names: ['two'] }, consumer] });
    await until('the agent is told', () => running.withdrawn.length === 1);
    assert.deepEqual(running.withdrawn, ['one DENIED']);
    assert.equal((await one.refusal()).code, 'STREAM_RESET');
    assert.equal(await two.say('on'), 'on', 'the other service is not touched');
    await assert.rejects(visit({ service: 'one' }), { code: 'SERVICE_UNKNOWN' });
    assert.deepEqual(running.losses, [], 'nor is the session');
  });

  test('a port that an agent may no longer have is closed', async (t) => {
    const { server, running } = await compose(t);
    const [first, second] = ['one', 'two'].map((name) => running.assigned.get(name)!.port!);
    server.reload({ identities: [{ ...agent, ports: [String(second)] }, consumer] });
    await until('the agent is told', () => running.withdrawn.length === 1);
    assert.deepEqual(running.withdrawn, ['one DENIED']);
    const again = net.connect(first, '127.0.0.1');
    await assert.rejects(once(again, 'connect'), { code: 'ECONNREFUSED' });
  });

  test('streams to targets that a consumer may no longer reach end', async (t) => {
    const { server, echo, visit } = await compose(t);
    const own = await visit({ service: 'one' });
    const chosen = await visit({ service: 'one', target: echo.address });
    server.reload({ identities: [agent, { ...consumer, targets: [] }] });
    await chosen.refusal();
    assert.equal(await own.say('on'), 'on');
  });

  test('a role that is gone ends the session', async (t) => {
    const { server, running, client } = await compose(t);
    server.reload({ identities: [{ ...agent, roles: ['consumer'] }, consumer] });
    assert.equal(await failure(running), 'DENIED');
    server.reload({ identities: [agent, { ...consumer, roles: ['agent'] }] });
    assert.equal((await within(5_000, client.closed))?.code, 'DENIED');
  });
});

test('wider scopes hold at once, for sessions that stand', async (t) => {
  const { server, visit } = await compose(t);
  server.reload({ identities: [agent, { ...consumer, names: ['two'] }] });
  await assert.rejects(visit({ service: 'one' }), { code: 'DENIED' });
  server.reload({ identities: [agent, consumer] });
  assert.equal(await (await visit({ service: 'one' })).say('on'), 'on');
});

describe('another policy', () => {
  const policy = (refuse: (question: AccessRequest) => boolean, late = false): Policy => ({
    authorize(question) {
      const decision = { allow: !refuse(question), reason: 'a test' };
      return late ? Promise.resolve(decision) : decision;
    },
    close() {},
  });
  for (const late of [false, true]) {
    const when = late ? 'in its time' : 'at once';
    test(`judges what stands, ${when}: streams and services`, async (t) => {
      const { server, running, visit } = await compose(t);
      const one = await visit({ service: 'one' });
      const two = await visit({ service: 'two' });
      const identities = [agent, consumer];
      const connect = policy(
        (asked) => asked.action === 'connect' && asked.service === 'one',
        late,
      );
      assert.deepEqual(server.reload({ identities, policy: connect }), ['policy']);
      await one.refusal();
      assert.deepEqual(running.withdrawn, []);
      const register = policy(
        (asked) => asked.action === 'register' && asked.service === 'two',
        late,
      );
      server.reload({ identities, policy: register });
      await until('the agent is told', () => running.withdrawn.length === 1);
      assert.deepEqual(running.withdrawn, ['two DENIED']);
      await two.refusal();
    });
  }
});

describe('options that cannot be used change nothing', () => {
  const faults: [string, Partial<LiveOptions>, string][] = [
    ['nobody could come in', { identities: [] }, 'CONFIG_INVALID'],
    ['a scope that is none', { identities: [{ ...agent, ports: ['x'] }] }, 'USAGE'],
    ['a malformed CIDR', { trustedProxies: ['10.0.0.0/99'] }, 'USAGE'],
    ['TLS where there was none', { tls: { cert: 'x', key: 'x' } }, 'CONFIG_INVALID'],
  ];
  for (const [name, fault, code] of faults) {
    test(name, async (t) => {
      const { server, running, visit } = await compose(t);
      const visitor = await visit({ service: 'one' });
      assert.throws(
        () => server.reload({ identities: [consumer], balance: 'least-streams', ...fault }),
        { code },
      );
      assert.equal(await visitor.say('on'), 'on');
      assert.deepEqual(running.losses, []);
    });
  }
});
