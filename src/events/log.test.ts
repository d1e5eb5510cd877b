import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventLog } from './log.ts';

const draining = (n: number) => ['server.draining', { graceMs: n }] as const;

test('events are numbered from 1 without gaps, and told to every listener in order', () => {
  const log = createEventLog();
  const [first, second]: number[][] = [[], []];
  const end = log.listen(({ seq }) => void first.push(seq));
  log.publish(...draining(1));
  log.listen(({ seq }) => void second.push(seq));
  log.publish(...draining(2));
  end();
  log.publish(...draining(3));
  assert.deepEqual([first, second, log.seq], [[1, 2], [2, 3], 3]);
});

test('the same listener twice is two listeners, and ends one by one', () => {
  const log = createEventLog();
  let calls = 0;
  const listener = (): void => void calls++;
  const end = log.listen(listener);
  log.listen(listener);
  log.publish(...draining(1));
  end();
  end();
  log.publish(...draining(2));
  assert.equal(calls, 3);
});

test('a listener that throws is reported, and harms neither the others nor the publisher', () => {
  const failures: unknown[] = [];
  const log = createEventLog({ failed: (error) => void failures.push(error) });
  const heard: number[] = [];
  const broken = new Error('broken');
  log.listen(() => {
    throw broken;
  });
  log.listen(({ seq }) => void heard.push(seq));
  log.publish(...draining(1));
  assert.deepEqual([failures, heard], [[broken], [1]]);
});

test('nothing is kept: listeners are told, and there is nothing to come back to', () => {
  const log = createEventLog({ kept: 0 });
  const heard: number[] = [];
  log.listen(({ seq }) => void heard.push(seq));
  for (let n = 1; n <= 3; n++) log.publish(...draining(n));
  assert.deepEqual(heard, [1, 2, 3]);
  assert.deepEqual([log.seq, log.first, log.since(3), log.since(2)], [3, 4, [], null]);
});

test('since: what is kept comes back in order; what is not, and what is yet to come, is null', () => {
  const log = createEventLog({ kept: 3 });
  assert.deepEqual(log.since(0), []);
  assert.equal(log.since(1), null);
  for (let n = 1; n <= 7; n++) log.publish(...draining(n));
  const graces = (after: number) =>
    log.since(after)?.map((event) => event.type === 'server.draining' && event.graceMs);
  assert.deepEqual(graces(4), [5, 6, 7]);
  assert.deepEqual(graces(6), [7]);
  assert.deepEqual(graces(7), []);
  assert.equal(log.since(3), null, 'event 4 is gone');
  for (const never of [8, -1, 1.5, Number.NaN]) assert.equal(log.since(never), null);
});
