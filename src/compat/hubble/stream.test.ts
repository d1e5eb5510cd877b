import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  HUBBLE_HALF_CLOSED_QUIET_MS,
  HUBBLE_LINGER_MS,
  HUBBLE_SETTLE_MS,
  STREAM_ANSWER_TIMEOUT_MS,
} from '../../limits.ts';
import { HEADROOM, Slab } from '../../net/slab.ts';
import type { StreamEnd } from '../../session/session.ts';
import { HubbleStream, type SessionCarrier } from './stream.ts';

interface Scene {
  readonly stream: HubbleStream;
  /** What was sent and what was told to the receiver, in order. */
  readonly told: string[];
  receive(text: string, order: number): void;
  readonly over: () => StreamEnd | null;
}

/** A session over a carrier that writes down what it is to send. Timers are the test's. */
function play(
  t: TestContext,
  setting: { ours: boolean; towardsProxy?: boolean; knowsEnd?: boolean },
): Scene {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told: string[] = [];
  let over: StreamEnd | null = null;
  const carrier: SessionCarrier = {
    knowsEnd: setting.knowsEnd ?? false,
    towardsProxy: setting.towardsProxy ?? false,
    writable: true,
    sendData: (_guid, order, data) => {
      told.push(`data ${order + 1} ${data.toString()}`);
      return order + 1;
    },
    sendAck: (_guid, refusal) => void told.push(`ack ${refusal ?? 'ok'}`),
    sendEnd: (_guid, ending) => void told.push(`end ${ending}`),
    wait() {},
    untaken() {},
    left() {},
  };
  const stream = new HubbleStream(carrier, 'g', setting.ours, {
    data: (_slab, start, end) => void told.push(`got ${end - start}`),
    accepted: () => void told.push('accepted'),
    finished: () => void told.push('finished'),
    reset: (error) => void told.push(`reset ${error.code}`),
    drained() {},
  });
  stream.onOver = (end) => (over = end);
  return {
    stream,
    told,
    receive(text, order) {
      const bytes = Buffer.concat([Buffer.alloc(HEADROOM), Buffer.from(text)]);
      stream.data(new Slab(bytes, null), HEADROOM, bytes.length, order);
    },
    over: () => over,
  };
}

/** A session that we asked for and that an original serves, in which data may be sent. */
function served(t: TestContext): Scene {
  const scene = play(t, { ours: true });
  scene.stream.acknowledged();
  t.mock.timers.tick(HUBBLE_SETTLE_MS);
  scene.told.length = 0;
  return scene;
}

test('a target that is silent: the session is given up, and both ends are told', (t) => {
  const { stream, told, over } = play(t, { ours: true });
  t.mock.timers.tick(STREAM_ANSWER_TIMEOUT_MS - 1);
  assert.deepEqual(told, []);
  t.mock.timers.tick(1);
  assert.deepEqual(told, ['end reset', 'reset RESPONSE_TIMEOUT']);
  assert.equal((over() as { code: string }).code, 'RESPONSE_TIMEOUT');
  stream.acknowledged();
  assert.equal(told.length, 2, 'a late answer changes nothing');
});

test('the first data to an original waits until it is ready', (t) => {
  const { stream, told } = play(t, { ours: true });
  stream.send(Buffer.from('early'));
  stream.acknowledged();
  assert.deepEqual(told, ['accepted']);
  t.mock.timers.tick(HUBBLE_SETTLE_MS);
  assert.deepEqual(told, ['accepted', 'data 1 early']);
});

test("an original is told of its consumer's end when it has nothing more to say, so no answer is lost", (t) => {
  const { stream, told, receive, over } = served(t);
  stream.send(Buffer.from('question'));
  stream.end();
  for (let order = 1; order <= 3; order++) {
    t.mock.timers.tick(HUBBLE_HALF_CLOSED_QUIET_MS - 1);
    receive('answer', order);
  }
  assert.deepEqual(told, ['data 1 question', 'got 6', 'got 6', 'got 6']);
  t.mock.timers.tick(HUBBLE_HALF_CLOSED_QUIET_MS);
  assert.deepEqual(told.slice(4), ['end whole', 'finished']);
  assert.equal(over(), 'ok');
});

test('an original that has closed takes nothing more; what it had sent may still reach the other end', (t) => {
  const { stream, told, receive, over } = served(t);
  receive('answer', 1);
  receive('', 2);
  stream.peerEnded('whole');
  assert.deepEqual(told, ['got 6', 'end whole', 'finished']);
  assert.equal(stream.writable, true);
  stream.send(Buffer.from('lost'));
  assert.equal(told.length, 3);
  stream.end();
  assert.equal(over(), 'ok');
});

test('the other end of a session that has closed is broken off when it does not end by itself', (t) => {
  const { stream, told, over } = served(t);
  stream.peerEnded('whole');
  t.mock.timers.tick(HUBBLE_LINGER_MS - 1);
  assert.equal(over(), null);
  t.mock.timers.tick(1);
  assert.deepEqual(told, ['end whole', 'finished', 'reset STREAM_RESET']);
  assert.ok(stream.over);
});

test('an original that opened the session is told of its end at once, and its own is heard', (t) => {
  const { stream, told, over } = play(t, { ours: false });
  stream.answer(null);
  stream.send(Buffer.from('answer'));
  stream.end();
  assert.deepEqual(told, ['ack ok', 'data 1 answer', 'end whole', 'finished']);
  assert.equal(over(), 'ok');
  stream.peerEnded('whole');
  stream.reset();
  assert.equal(told.length, 4, 'the end comes once');
});

test('an end of its own, and one of the other, in either order, between ends of ours', (t) => {
  for (const towardsProxy of [true, false]) {
    const first = play(t, { ours: false, towardsProxy, knowsEnd: true });
    first.stream.answer(null);
    first.stream.end();
    first.stream.peerEnded('half');
    assert.deepEqual(first.told, ['ack ok', 'end half', 'finished']);
    assert.equal(first.over(), 'ok');
    t.mock.timers.reset();
    const second = play(t, { ours: false, towardsProxy, knowsEnd: true });
    second.stream.answer(null);
    second.stream.peerEnded('half');
    second.stream.send(Buffer.from('more'));
    second.stream.end();
    assert.deepEqual(second.told, ['ack ok', 'finished', 'data 1 more', 'end half']);
    assert.equal(second.over(), 'ok');
    t.mock.timers.reset();
  }
});

test('empty data counts, and data after the end does not', (t) => {
  const { stream, told, receive } = served(t);
  receive('', 1);
  receive('x', 2);
  stream.peerEnded('half');
  receive('late', 3);
  assert.deepEqual(told, ['got 1', 'finished']);
});

test('a session that is refused, or broken off while it is asked for, says so once', (t) => {
  const refused = play(t, { ours: false });
  refused.stream.reset();
  refused.stream.answer(null);
  assert.deepEqual(refused.told, ['ack closed']);
  t.mock.timers.reset();
  const given = play(t, { ours: true });
  given.stream.reset();
  given.stream.peerEnded('whole');
  assert.deepEqual([given.told, given.over()], [['end reset'], 'closed']);
  t.mock.timers.reset();
  const ended = play(t, { ours: true });
  ended.stream.peerEnded('whole');
  assert.deepEqual(ended.told, ['reset STREAM_RESET']);
});
