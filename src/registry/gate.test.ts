import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGateRoad, settled, yes } from '../../test/support/gate-road.ts';
import { createIdentities } from '../access/identities.ts';
import type { Identity } from '../access/identity.ts';
import type { Decision } from '../access/policy/policy.ts';
import { SallyportError } from '../errors.ts';
import { PENDING_BYTES_MAX, PENDING_HELD_MAX_BYTES, PENDING_STREAMS_MAX } from '../limits.ts';

const token = 'sp_token-of-the-gate-tests';
const ann = createIdentities([
  { name: 'ann', token, roles: ['consumer'], names: ['box*'], targets: ['10.0.0.0/8:22'] },
]).authenticate(`Bearer ${token}`)!;

const no: Decision = { allow: false, reason: 'rule 2: not at night' };

test('what can be decided at once opens at once, is listed while it lives, and told', () => {
  const road = createGateRoad();
  const { stream, passed } = road.open({ caller: ann }, { key: 'k', target: '10.1.2.3:22' });
  assert.equal(stream, road.opened[0]);
  assert.equal(passed.upstream, road.upstream);
  const { identity, ...question } = road.questions[0];
  assert.equal(identity, ann);
  assert.deepEqual(question, {
    action: 'connect',
    service: 'box',
    target: { host: '10.1.2.3', port: 22 },
    consumer: '192.0.2.1:5',
    key: 'k',
  });
  const [listed] = road.live.list();
  assert.deepEqual([listed.identity, listed.upstream?.id], [ann, 's1']);
  stream.reset();
  assert.equal(road.live.count, 0);
  assert.deepEqual(road.told, ['stream.opened ann', 'stream.closed ann closed']);
});

test('a request over HTTP is the action `http`, and nobody is null', () => {
  const road = createGateRoad();
  road.open({}, { kind: 'http' });
  assert.deepEqual([road.questions[0].action, road.questions[0].identity], ['http', null]);
});

test('refused at once: by the scopes, by the policy, by the registry; nothing is listed', () => {
  const road = createGateRoad(({ service }) => (service === 'boxes' ? no : yes));
  assert.throws(() => road.open({ caller: ann }, { service: 'mail' }), { code: 'DENIED' });
  assert.throws(() => road.open({ caller: ann }, { target: '10.1.2.3:23' }), { code: 'DENIED' });
  assert.equal(road.questions.length, 0, 'the policy is not asked about what the scopes refuse');
  assert.throws(() => road.open({}, { service: 'boxes' }), {
    code: 'DENIED',
    message: 'service boxes: rule 2: not at night',
  });
  road.fail(new SallyportError('SERVICE_ABSENT', 'service box: no agent'));
  assert.throws(() => road.open(), { code: 'SERVICE_ABSENT' });
  assert.deepEqual(road.told, [
    'stream.refused ann DENIED',
    'stream.refused ann DENIED',
    'stream.refused null DENIED',
    'stream.refused null SERVICE_ABSENT',
  ]);
  assert.deepEqual([road.live.count, road.opened.length], [0, 0]);
});

test('a decision that takes time: the stream takes nothing meanwhile, and then what waited in order', async () => {
  const { promise, resolve } = Promise.withResolvers<Decision>();
  const road = createGateRoad(() => promise);
  const { stream, passed, receiver } = road.open({ caller: ann });
  assert.deepEqual([stream.writable, stream.over, passed.upstream], [false, false, null]);
  assert.equal(road.live.count, 1, 'it can be kicked while it waits');
  stream.send(Buffer.from('GET / '));
  stream.send(Buffer.from('HTTP/1.1'));
  assert.equal(road.opened.length, 0);
  resolve(yes);
  await settled();
  assert.equal(road.opened[0].received, 'GET / HTTP/1.1');
  assert.deepEqual(receiver.told, ['drained']);
  assert.equal(passed.upstream, road.upstream);
  stream.send(Buffer.from('!'));
  stream.end();
  assert.equal(road.opened[0].received, 'GET / HTTP/1.1!');
  assert.ok(road.opened[0].ended);
  stream.reset();
  assert.ok(road.opened[0].wasReset);
  assert.deepEqual([road.live.count, stream.over], [0, true]);
  assert.deepEqual(road.told, ['stream.opened ann', 'stream.closed ann closed']);
});

test('an end that was said while it waited is said to the upstream', async () => {
  const road = createGateRoad(() => Promise.resolve(yes));
  const { stream, receiver } = road.open();
  stream.send(Buffer.from('all'));
  stream.end();
  await settled();
  assert.deepEqual([road.opened[0].received, road.opened[0].ended], ['all', true]);
  assert.deepEqual(receiver.told, []);
});

test('refused late: the receiver is reset once, the upstream never asked', async () => {
  const road = createGateRoad(() => Promise.resolve(no));
  const { stream, receiver } = road.open();
  await settled();
  assert.deepEqual(receiver.told, ['DENIED']);
  assert.deepEqual([stream.over, road.live.count, road.opened.length], [true, 0, 0]);
  assert.deepEqual(road.told, ['stream.refused null DENIED']);
  stream.reset();
  stream.send(Buffer.from('late'));
  assert.deepEqual(receiver.told, ['DENIED']);
});

test('no agent when the decision has come: the receiver is reset with that', async () => {
  const road = createGateRoad(() => Promise.resolve(yes));
  road.fail(new SallyportError('SERVICE_ABSENT', 'service box: no agent'));
  const { receiver } = road.open();
  await settled();
  assert.deepEqual(receiver.told, ['SERVICE_ABSENT']);
  assert.deepEqual(road.told, ['stream.refused null SERVICE_ABSENT']);
});

test('a caller who is found out later is judged by scopes and policy then', async () => {
  const road = createGateRoad();
  const good = road.open({ caller: Promise.resolve(ann) });
  const foreign = road.open({ caller: Promise.resolve<Identity | null>(ann) }, { service: 'mail' });
  const failure = new SallyportError('CONSUMER_AUTH', 'service box: wrong password');
  const nobody = road.open({ caller: Promise.reject(failure) });
  await settled();
  assert.deepEqual(good.receiver.told, ['drained']);
  assert.deepEqual(foreign.receiver.told, ['DENIED']);
  assert.deepEqual(nobody.receiver.told, ['CONSUMER_AUTH']);
  assert.deepEqual(road.told, [
    'stream.opened ann',
    'stream.refused ann DENIED',
    'stream.refused null CONSUMER_AUTH',
  ]);
});

test('who left while it waited opens nothing', async () => {
  const { promise, resolve } = Promise.withResolvers<Decision>();
  const road = createGateRoad(() => promise);
  const { stream, receiver } = road.open();
  stream.reset();
  assert.equal(road.live.count, 0);
  resolve(yes);
  await settled();
  assert.deepEqual([road.opened.length, receiver.told, road.told], [0, [], []]);
});

test('a head that never ends: what waits is bounded', () => {
  const road = createGateRoad(() => new Promise(() => {}));
  const { stream, receiver } = road.open();
  const piece = Buffer.alloc(64 * 1024);
  for (let sent = 0; sent <= PENDING_BYTES_MAX; sent += piece.length) stream.send(piece);
  assert.deepEqual(receiver.told, ['SERVER_BUSY']);
  assert.deepEqual([stream.over, road.live.count], [true, 0]);
});

test('what all streams that wait hold is bounded, and free again when they leave', () => {
  const road = createGateRoad(() => new Promise(() => {}));
  const piece = Buffer.alloc(PENDING_BYTES_MAX);
  const holders = PENDING_HELD_MAX_BYTES / PENDING_BYTES_MAX;
  const streams = Array.from({ length: holders }, () => road.open());
  for (const { stream } of streams) stream.send(piece);
  const late = road.open();
  late.stream.send(Buffer.from('x'));
  assert.deepEqual(late.receiver.told, ['SERVER_BUSY']);
  assert.deepEqual(streams[0].receiver.told, []);
  streams[0].stream.reset();
  const next = road.open();
  next.stream.send(piece);
  assert.deepEqual(next.receiver.told, []);
});

test('a policy that never answers: streams that wait are bounded, and leave their places', async () => {
  const { promise, resolve } = Promise.withResolvers<Decision>();
  const road = createGateRoad(() => promise);
  for (let i = 0; i < PENDING_STREAMS_MAX; i++) road.open();
  assert.throws(() => road.open(), { code: 'SERVER_BUSY' });
  assert.equal(road.live.count, PENDING_STREAMS_MAX);
  resolve(yes);
  await settled();
  road.open();
});

test('kicked: both ends are told, whether it waits or flows', async () => {
  const road = createGateRoad(({ service }) => (service === 'box' ? yes : new Promise(() => {})));
  const error = new SallyportError('DENIED', 'stream: kicked by an operator');
  const flowing = road.open();
  const waiting = road.open({}, { service: 'boxes' });
  const first = road.live.find('i1')!;
  road.live.kick(first, error);
  road.live.kick(road.live.find('i2')!, error);
  road.live.kick(first, error);
  assert.equal(road.live.find('i1'), undefined);
  assert.deepEqual([flowing.receiver.told, waiting.receiver.told], [['DENIED'], ['DENIED']]);
  assert.ok(road.opened[0].wasReset);
  assert.equal(road.live.count, 0);
  assert.deepEqual(road.told, ['stream.opened null', 'stream.closed null DENIED']);
});

test('an upstream that leaves a service: its streams of that one hear of it, and are not kept', async () => {
  const { promise, resolve } = Promise.withResolvers<Decision>();
  const road = createGateRoad(({ key }) => (key === 'late' ? promise : yes));
  const [web, other] = [road.open({}, { service: 'web' }), road.open({}, { service: 'other' })];
  const late = road.open({}, { service: 'web', key: 'late' });
  const { passed } = web;
  assert.ok(passed.keepable);
  road.live.left('web', { ...road.upstream });
  road.live.left('web', road.upstream);
  assert.deepEqual(
    [web, other, late].map(({ receiver }) => receiver.told),
    [['leaving'], [], []],
  );
  assert.deepEqual([passed.keepable, other.passed.keepable], [false, true]);
  assert.ok(!web.stream.over, 'what runs on it may finish');
  resolve(yes);
  await settled();
  road.live.left('web', road.upstream);
  assert.equal(late.receiver.told.at(-1), 'leaving', 'one that had to wait hears of it, too');
});
