import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { makeSessions } from '../../test/conformance/session-pair.ts';
import { Visitor } from '../../test/support/agent-streams.ts';
import { noteStreams } from '../../test/support/composition.ts';
import { openGate } from '../../test/support/gate.ts';
import { DialledStream } from '../../test/support/dialled-stream.ts';
import { noiseBytes } from '../../test/support/noise.ts';
import { yamuxOver } from '../../test/support/sessions.ts';
import { startEcho, startTcpTarget } from '../../test/support/tcp-targets.ts';
import { until } from '../../test/support/wait.ts';
import { createIdentities, type IdentityOptions } from '../access/identities.ts';
import { SallyportError } from '../errors.ts';
import type { StreamLine } from '../observe/access-log.ts';
import { createServiceRegistry } from '../registry/services.ts';
import type { StreamRequest, UpstreamReceiver } from '../registry/upstream.ts';
import { receiveConsumerStream } from './consumer-stream.ts';
import { encodeMessage } from './message-reader.ts';
import { openStream } from './stream-head.ts';

const everything: IdentityOptions = {
  name: 'ann',
  token: 'sp_token-of-the-consumer-tests',
  roles: ['consumer'],
  names: ['*'],
  targets: ['10.0.0.0/8:22'],
};

/** A consumer's session with a server that knows the service `box`, served by an echo. */
async function open(t: TestContext, scopes: Partial<IdentityOptions> = {}) {
  const echo = await startEcho(t);
  const silent = await startTcpTarget(t, () => {});
  const pair = await makeSessions(t, yamuxOver('onread', 'zero'));
  const requests: StreamRequest[] = [];
  const agents: DialledStream[] = [];
  const receivers: UpstreamReceiver[] = [];
  const lines: StreamLine[] = [];
  const registry = createServiceRegistry({ vanished() {} });
  const upstream = {
    id: 'a',
    streams: 0,
    accepts: true,
    open(request: StreamRequest, receiver: UpstreamReceiver): DialledStream {
      requests.push(request);
      receivers.push(receiver);
      agents.push(new DialledStream((upstream.accepts ? echo : silent).port, receiver));
      if (upstream.accepts) queueMicrotask(() => receiver.accepted?.());
      return agents.at(-1)!;
    },
  };
  registry.join('box', upstream, { kind: 'tcp', exclusive: null, balance: 'round-robin' });
  const identities = createIdentities([{ ...everything, ...scopes }]);
  const identity = identities.authenticate(`Bearer ${everything.token}`)!;
  const context = {
    identity,
    peer: '192.0.2.1:5',
    gate: openGate(registry),
    accessLog: noteStreams(lines),
    newId: () => `id-${lines.length}`,
  };
  pair.far.accept = (stream) => receiveConsumerStream(stream, context);
  t.after(() => {
    for (const { socket } of agents) socket.destroy();
    registry.close();
  });
  const visit = (request: Partial<StreamRequest> = {}): Visitor => {
    const visitor = new Visitor();
    const whole = { service: 'box', kind: 'tcp', consumer: '-', id: 'c1' } as const;
    visitor.stream = openStream(pair.near.session, { ...whole, ...request }, visitor);
    return visitor;
  };
  const line = async (n: number): Promise<StreamLine> => {
    await until(`line ${n} is logged`, () => lines.length > n);
    return lines[n];
  };
  return { pair, upstream, agents, receivers, requests, visit, line };
}

test('a stream is joined to one of an agent; what the consumer says of itself is not believed', async (t) => {
  const { visit, requests, line } = await open(t);
  const claimed = { consumer: '127.0.0.1:1', id: 'forged', local: '127.0.0.1:22' };
  const sent = noiseBytes(300_000);
  const heard = await visit({ ...claimed, key: 'k', target: '10.0.0.1:22' }).say(sent);
  assert.ok(heard === sent.toString('latin1'));
  assert.deepEqual(requests, [
    {
      service: 'box',
      kind: 'tcp',
      consumer: '192.0.2.1:5',
      id: 'id-0',
      key: 'k',
      target: '10.0.0.1:22',
    },
  ]);
  const { ms, ...rest } = await line(0);
  assert.ok(ms >= 0);
  assert.deepEqual(rest, {
    id: 'id-0',
    service: 'box',
    consumer: '192.0.2.1:5',
    bytesUp: sent.length,
    bytesDown: sent.length,
    outcome: 'ok',
  });
});

describe('a stream that is refused costs nothing but itself, whatever is sent on it', () => {
  const refusals: [string, Partial<StreamRequest>, Partial<IdentityOptions>, string][] = [
    ['an unknown service', { service: 'other' }, {}, 'SERVICE_UNKNOWN'],
    ['a service outside the scopes', {}, { names: ['b'] }, 'DENIED'],
    ['a target outside the scopes', { target: '127.0.0.1:22' }, {}, 'DENIED'],
    ['a target that is none', { target: 'nowhere' }, {}, 'USAGE'],
    ['another role', {}, { roles: ['agent'] }, 'DENIED'],
  ];
  for (const [name, request, scopes, code] of refusals) {
    test(name, async (t) => {
      const { visit, requests, pair, line } = await open(t, scopes);
      const visitor = visit(request);
      const answer = visitor.say(noiseBytes(200_000));
      await assert.rejects(answer, { code });
      assert.deepEqual(visitor.told, [code]);
      assert.equal((await line(0)).outcome, code);
      assert.equal(requests.length, 0, 'no agent heard of it');
      await until('the stream is gone', () => pair.far.session.streams === 0);
      assert.deepEqual([...pair.near.closings, ...pair.far.closings], []);
    });
  }

  test('by its agent', async (t) => {
    const { visit, upstream, receivers, agents, pair, line } = await open(t);
    upstream.accepts = false;
    const visitor = visit();
    visitor.stream.send(Buffer.from('at once'));
    await until('it is asked', () => receivers.length === 1);
    agents[0].reset();
    receivers[0].reset(new SallyportError('TARGET_REFUSED', 'target: refused'));
    visitor.stream.send(noiseBytes(100_000));
    const { code, message } = await visitor.refusal();
    assert.deepEqual([code, message], ['TARGET_REFUSED', 'target: refused']);
    assert.equal((await line(0)).outcome, 'TARGET_REFUSED');
    await until('the stream is gone', () => pair.far.session.streams === 0);
    assert.deepEqual(pair.far.closings, []);
  });

  test('for a head that is none', async (t) => {
    const { pair, visit } = await open(t);
    const visitor = new Visitor();
    visitor.stream = pair.near.session.open(visitor);
    visitor.stream.send(encodeMessage({ service: 1 }));
    assert.match(await visitor.say('more'), /"PROTOCOL_MESSAGE"/);
    assert.equal(await visit().say('next'), 'next');
  });

  test('before its head has come', async (t) => {
    const { pair, visit } = await open(t);
    const visitor = new Visitor();
    pair.near.session.open(visitor).end();
    assert.equal((await visitor.refusal()).code, 'STREAM_RESET');
    pair.near.session.open(visitor).reset();
    assert.equal(await visit().say('next'), 'next');
  });
});

test('an agent that is gone in the middle breaks the stream off', async (t) => {
  const { visit, agents, line } = await open(t);
  const visitor = visit();
  visitor.stream.send(Buffer.from('x'));
  await until('it is answered', () => visitor.heard === 'x');
  agents[0].fail(new SallyportError('LINK_LOST', 'link: gone'));
  assert.equal((await visitor.refusal()).code, 'STREAM_RESET');
  assert.equal((await line(0)).outcome, 'LINK_LOST');
});

test('a consumer that breaks off takes the agent’s stream with it', async (t) => {
  const { visit, agents, line } = await open(t);
  const visitor = visit();
  visitor.stream.send(Buffer.from('x'));
  await until('it is answered', () => visitor.heard === 'x');
  visitor.stream.reset();
  await agents[0].closed;
  assert.equal((await line(0)).outcome, 'STREAM_RESET');
});
