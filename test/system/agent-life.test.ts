import assert from 'node:assert/strict';
import type net from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { Visitor } from '../support/agent-streams.ts';
import {
  composeConsumer,
  composeRoad,
  composeServer,
  runAgent,
  service,
  type Road,
} from '../support/composition.ts';
import { freePort, startEcho, startTcpTarget } from '../support/tcp-targets.ts';
import { until, within } from '../support/wait.ts';
import type { Consumer } from '../../src/consumer/consumer.ts';
import { upgradeResponse } from '../../src/transport/websocket/handshake.ts';

const never = new AbortController().signal;

function visit(consumer: Consumer, wish = { service: 'box' }): Visitor {
  const visitor = new Visitor();
  visitor.stream = consumer.open(wish, visitor);
  return visitor;
}

/** An agent with an echo under the name `box`, and those around it. */
async function openRoad(t: TestContext, drainGraceMs = 5_000): Promise<Road> {
  const echo = await startEcho(t);
  return composeRoad(t, [service('box', echo.address)], { drainGraceMs });
}

/** A stream on which a word has gone and come back. */
async function openStream(consumer: Consumer): Promise<Visitor> {
  const visitor = visit(consumer);
  visitor.stream.send(Buffer.from('one '));
  await until('it is answered', () => visitor.heard === 'one ');
  return visitor;
}

test('it registers all its services, is ready then, and serves them', async (t) => {
  const echo = await startEcho(t);
  const server = await composeServer(t);
  const services = ['box', 'other'].map((name) => service(name, echo.address));
  const agent = runAgent(t, server.address, services);
  assert.ok(!agent.agent.ready);
  await agent.ready();
  assert.ok(agent.agent.ready);
  assert.deepEqual([...agent.assigned.keys()].toSorted(), ['box', 'other']);
  const consumer = composeConsumer(t, server.address);
  await consumer.attach(never);
  for (const name of ['box', 'other'])
    assert.equal(await visit(consumer, { service: name }).say(name), name);
  await agent.stop();
  assert.ok(!agent.agent.ready);
});

describe('shutdown', () => {
  test('idle: it leaves at once, and tells of no loss', async (t) => {
    const { agent } = await openRoad(t, 60_000);
    const began = performance.now();
    await agent.stop();
    assert.ok(performance.now() - began < 1_000);
    assert.deepEqual(agent.losses, []);
  });

  test('a running stream is finished first, and a new one is not taken', async (t) => {
    const { agent, consumer } = await openRoad(t);
    const running = await openStream(consumer);
    const stopped = agent.stop();
    await until('nobody new gets in', async () => {
      const late = visit(consumer);
      return (
        (await late.say('late').catch((error: { code: string }) => error.code)) === 'SERVICE_ABSENT'
      );
    });
    assert.equal(await running.say('two'), 'one two');
    await stopped;
    assert.deepEqual(agent.losses, []);
  });

  test('after the grace time what still runs is broken off', async (t) => {
    const { agent, consumer } = await openRoad(t, 100);
    const running = await openStream(consumer);
    await agent.stop();
    assert.equal((await running.refusal()).code, 'STREAM_RESET');
    assert.equal(agent.lines.length, 1);
  });

  test('a stream of a server that is going away itself is finished, too', async (t) => {
    const { server, agent, consumer } = await openRoad(t);
    const running = await openStream(consumer);
    const closed = server.close(10_000);
    await until('the agent has left it', () => agent.losses.length > 0);
    const stopped = agent.stop();
    let left = false;
    void stopped.then(() => (left = true));
    running.stream.send(Buffer.from('two '));
    await until('it still answers', () => running.heard === 'one two ');
    assert.ok(!left);
    assert.equal(await running.say('three'), 'one two three');
    await Promise.all([stopped, within(5_000, closed)]);
  });

  test('before it began: nothing is dialled', async (t) => {
    const target = await startTcpTarget(t, () => {});
    const agent = runAgent(t, target, []);
    await agent.stop();
    const before = target.accepted();
    await within(1_000, agent.agent.run(AbortSignal.abort()));
    assert.equal(target.accepted(), before);
  });

  const stages: [string, (socket: net.Socket) => void][] = [
    ['in the upgrade', () => {}],
    [
      'in hello',
      (socket) => {
        socket.once('data', (request: Buffer) => {
          const key = /sec-websocket-key: (\S+)/i.exec(String(request))![1];
          socket.write(upgradeResponse(key, 'sallyport.v1'));
        });
      },
    ],
  ];
  for (const [name, answer] of stages) {
    test(`${name} of a server that says no more: it leaves at once`, async (t) => {
      let heard = 0;
      const target = await startTcpTarget(t, (socket) => {
        answer(socket);
        socket.on('data', () => heard++);
      });
      const agent = runAgent(t, target, []);
      await until('it got so far', () => heard === (name === 'in hello' ? 2 : 1));
      const began = performance.now();
      await agent.stop();
      assert.ok(performance.now() - began < 1_000);
      assert.deepEqual(agent.losses, []);
      await until('the connection is gone', () =>
        [...target.open].every((socket) => socket.readableEnded || socket.destroyed),
      );
    });
  }

  test('in the pause between two dials: it leaves at once', async (t) => {
    const agent = runAgent(t, { port: await freePort() }, []);
    await until('it has failed', () => agent.losses.length > 0);
    await agent.stop();
    assert.equal(agent.losses[0], 'SERVER_UNREACHABLE');
  });
});

describe('what dialling again cannot mend ends it', () => {
  test('a token that nobody knows', async (t) => {
    const server = await composeServer(t);
    const agent = runAgent(t, server.address, [], { token: 'sp_nobody-knows-this-token' });
    await assert.rejects(within(5_000, agent.running), { code: 'AUTH_FAILED' });
  });

  test('a service that it may not have; the others are gone with it', async (t) => {
    const echo = await startEcho(t);
    const server = await composeServer(t);
    const holder = runAgent(t, server.address, [
      service('box', echo.address, { exclusive: 'first' }),
    ]);
    await holder.ready();
    const services = [
      service('free', echo.address),
      service('box', echo.address, { exclusive: 'first' }),
    ];
    const agent = runAgent(t, server.address, services);
    await assert.rejects(within(5_000, agent.running), { code: 'NAME_TAKEN' });
    assert.ok(!agent.agent.ready);
    const consumer = composeConsumer(t, server.address);
    await consumer.attach(never);
    await until('its session is over', async () => {
      const answer = await visit(consumer, { service: 'free' })
        .say('')
        .catch((error: { code: string }) => error.code);
      return answer === 'SERVICE_ABSENT';
    });
    assert.equal(await visit(consumer).say('held'), 'held');
  });

  test('with keepTrying it goes on', async (t) => {
    const server = await composeServer(t);
    const options = { token: 'sp_nobody-knows-this-token', keepTrying: true };
    const agent = runAgent(t, server.address, [], options);
    await until('it has tried twice', () => agent.losses.length >= 2);
    assert.deepEqual(agent.losses.slice(0, 2), ['AUTH_FAILED', 'AUTH_FAILED']);
  });
});

test('a restarted server has it back, and its ghost is no hindrance', async (t) => {
  const echo = await startEcho(t);
  const first = await composeServer(t);
  const box = service('box', echo.address, { exclusive: 'first' });
  const agent = runAgent(t, first.address, [box]);
  await agent.ready();
  await first.close(0);
  const second = await composeServer(t, { listen: first.address });
  await agent.ready(2);
  assert.ok(agent.losses.length >= 1);
  const consumer = composeConsumer(t, second.address);
  await consumer.attach(never);
  assert.equal(await visit(consumer).say('again'), 'again');
});

test('it may be run again after it has left', async (t) => {
  const { agent } = await openRoad(t);
  await agent.stop();
  const shutdown = new AbortController();
  const running = agent.agent.run(shutdown.signal);
  await agent.ready(2);
  shutdown.abort();
  await within(5_000, running);
  assert.deepEqual(agent.losses, []);
});
