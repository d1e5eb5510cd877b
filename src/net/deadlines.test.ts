import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeadlines, type Timed } from './deadlines.ts';

interface One extends Timed<One> {
  calls: number;
}

function item(deadline: number): One {
  return {
    deadline,
    earlier: null,
    later: null,
    calls: 0,
    expired() {
      this.calls++;
      this.deadline = Infinity;
    },
  };
}

test('deadlines are met at the tick behind them, and once', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const deadlines = createDeadlines<One>(100);
  const soon = item(deadlines.now + 150);
  const never = item(Infinity);
  const gone = item(deadlines.now + 50);
  for (const each of [soon, never, gone]) deadlines.add(each);
  deadlines.delete(gone);
  t.mock.timers.tick(100);
  assert.equal(soon.calls, 0);
  t.mock.timers.tick(100);
  assert.equal(deadlines.now, 200);
  t.mock.timers.tick(1_000);
  assert.deepEqual([soon.calls, never.calls, gone.calls], [1, 0, 0]);
  deadlines.close();
  deadlines.add(gone);
  t.mock.timers.tick(1_000);
  assert.equal(gone.calls, 0);
});

test('a deadline set late in a tick is not met early', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const deadlines = createDeadlines<One>(100);
  t.mock.timers.tick(199);
  const soon = item(deadlines.now + 100);
  deadlines.add(soon);
  t.mock.timers.tick(99);
  assert.equal(soon.calls, 0, '99 ms have passed');
  t.mock.timers.tick(102);
  assert.equal(soon.calls, 1);
  deadlines.close();
});

test('T15: a pause of the process is not held against anybody', async () => {
  const deadlines = createDeadlines<One>(10);
  const one = item(deadlines.now + 100);
  const ticked = Promise.withResolvers<void>();
  deadlines.add(one);
  deadlines.add({ ...item(10), expired: ticked.resolve });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  // The timer is not held by anything else; this one holds the process until it has ticked.
  const hold = setInterval(() => {}, 1_000);
  await ticked.promise;
  clearInterval(hold);
  assert.equal(one.calls, 0);
  deadlines.close();
});
