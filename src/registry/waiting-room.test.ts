/** The waiting room, as the gate uses it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGateRoad, settled, yes } from '../../test/support/gate-road.ts';
import { SallyportError } from '../errors.ts';
import { PENDING_STREAMS_MAX } from '../limits.ts';
import type { WhenAbsent } from './waiting-room.ts';

const absent = new SallyportError('SERVICE_ABSENT', 'service box: no agent');
const wish: WhenAbsent = { holdMs: 60_000, queue: 2, answer: 503 };

test('no agent: the stream waits, and goes out once when one comes', async () => {
  const road = createGateRoad(undefined, wish);
  road.fail(absent);
  const { stream, receiver } = road.open();
  stream.send(Buffer.from('GET'));
  road.room.arrived('other');
  await settled();
  assert.deepEqual([road.room.waiting, road.opened.length, stream.writable], [1, 0, false]);
  road.fail(null);
  road.room.arrived('box');
  await settled();
  assert.deepEqual([road.room.waiting, road.opened.length], [0, 1]);
  assert.deepEqual([road.opened[0].received, receiver.told], ['GET', ['drained']]);
});

test('an agent that came and went: the stream waits on, within its time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const road = createGateRoad(() => Promise.resolve(yes), { ...wish, holdMs: 0.01 });
  road.fail(absent);
  const { receiver } = road.open();
  await settled();
  road.room.arrived('box');
  await settled();
  assert.deepEqual([road.room.waiting, receiver.told], [1, []]);
  t.mock.timers.tick(1);
  await settled();
  assert.deepEqual([road.room.waiting, receiver.told], [0, ['SERVICE_ABSENT']]);
  assert.deepEqual(road.told, ['stream.refused null SERVICE_ABSENT']);
});

test('a full queue: refused at once, by the status of the service; who leaves frees a place', async () => {
  const road = createGateRoad(undefined, { ...wish, answer: 502 });
  road.fail(absent);
  const first = road.open();
  road.open();
  assert.throws(() => road.open(), { code: 'SERVICE_ABSENT', http: 502, message: /2 others wait/ });
  first.stream.reset();
  assert.equal(road.room.waiting, 1);
  road.open();
  assert.equal(road.room.waiting, 2);
  road.room.close();
  await settled();
  assert.deepEqual([road.room.waiting, road.live.count], [0, 0]);
});

test('consumers who leave while they wait leave nothing behind, however many they are', async () => {
  const road = createGateRoad(undefined, { ...wish, queue: PENDING_STREAMS_MAX });
  road.fail(absent);
  for (let i = 0; i < PENDING_STREAMS_MAX; i++) road.open().stream.reset();
  await settled();
  const { receiver } = road.open();
  road.fail(null);
  road.room.arrived('box');
  await settled();
  assert.deepEqual([road.opened.length, receiver.told], [1, ['drained']]);
});

test('more than may wait in one process: refused, without a place in the room and without a rejection that nobody hears', async (t) => {
  const rejections: unknown[] = [];
  const hear = (thrown: unknown): void => void rejections.push(thrown);
  process.on('unhandledRejection', hear);
  t.after(() => process.off('unhandledRejection', hear));
  const road = createGateRoad(undefined, { ...wish, queue: PENDING_STREAMS_MAX + 1 });
  road.fail(absent);
  for (let i = 0; i < PENDING_STREAMS_MAX; i++) road.open();
  assert.throws(() => road.open(), { code: 'SERVER_BUSY' });
  assert.equal(road.room.waiting, PENDING_STREAMS_MAX);
  const late = Promise.reject(new SallyportError('AUTH_FAILED', 'too late'));
  assert.throws(() => road.open({ caller: late }), { code: 'SERVER_BUSY' });
  road.room.close();
  await settled();
  await settled();
  assert.deepEqual([road.room.waiting, road.live.count, rejections], [0, 0, []]);
});
