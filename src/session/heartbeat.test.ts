import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SallyportError } from '../errors.ts';
import { createHeartbeat } from './heartbeat.ts';
import type { Session } from './session.ts';

const INTERVAL = 1_000;

/** A session that counts its pings and is alive or not. */
function patient(): { session: Session; pings: number; alive: boolean; ended: SallyportError[] } {
  const state = { pings: 0, alive: false, ended: [] as SallyportError[] };
  const session = {
    ping: () => void state.pings++,
    takeActivity: () => state.alive,
    close: (error: SallyportError) => void state.ended.push(error),
  } as unknown as Session;
  return Object.assign(state, { session });
}

test('a silent session is pinged each half interval and dead after two intervals, once', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const heartbeat = createHeartbeat(INTERVAL);
  const silent = patient();
  heartbeat.add(silent.session);
  assert.equal(silent.pings, 1);
  t.mock.timers.tick(2 * INTERVAL - 1);
  assert.deepEqual([silent.pings, silent.ended.length], [4, 0]);
  t.mock.timers.tick(1);
  assert.equal(silent.ended[0].code, 'HEARTBEAT_LOST');
  assert.match(silent.ended[0].message, /2000 ms/);
  t.mock.timers.tick(10 * INTERVAL);
  assert.equal(silent.ended.length, 1);
  heartbeat.close();
});

test('an end that is asked asks only for the round trip, and as soon as the other one is late', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const heartbeat = createHeartbeat(INTERVAL, 2);
  const other = patient();
  other.session.takeActivity = () => (other.alive = !other.alive);
  heartbeat.add(other.session);
  t.mock.timers.tick(11 * (INTERVAL / 2));
  assert.equal(other.pings, 1, 'one when it came');
  t.mock.timers.tick(INTERVAL);
  assert.equal(other.pings, 2, 'and one for the round trip');
  other.session.takeActivity = () => false;
  t.mock.timers.tick(2 * INTERVAL);
  assert.deepEqual([other.pings > 2, other.ended[0].code], [true, 'HEARTBEAT_LOST']);
  heartbeat.close();
});

test('one that is heard of is left alone, also after it was silent for a while', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const heartbeat = createHeartbeat(INTERVAL);
  const living = patient();
  living.alive = true;
  heartbeat.add(living.session);
  t.mock.timers.tick(10 * INTERVAL);
  assert.equal(living.pings, 1);
  living.alive = false;
  t.mock.timers.tick(1.5 * INTERVAL);
  living.alive = true;
  t.mock.timers.tick(INTERVAL);
  living.alive = false;
  t.mock.timers.tick(1.5 * INTERVAL);
  assert.deepEqual([living.ended.length, living.pings], [0, 7]);
  heartbeat.close();
});

test('one that was removed is not looked at again', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const heartbeat = createHeartbeat(INTERVAL);
  const gone = patient();
  heartbeat.add(gone.session);
  heartbeat.remove(gone.session);
  t.mock.timers.tick(10 * INTERVAL);
  assert.deepEqual([gone.ended.length, gone.pings], [0, 1]);
  heartbeat.close();
});
