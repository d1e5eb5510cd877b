import assert from 'node:assert/strict';
import { test } from 'node:test';
import { windowWaitBegins, windowWaitEnds, windowWaitMs } from './window-wait.ts';

test('waits are added up, those that go on too, and two at once count twice', (t) => {
  let now = 1_000;
  t.mock.method(performance, 'now', () => now);
  const waited = (passing: number): number => {
    now += passing;
    return windowWaitMs();
  };
  assert.equal(waited(10), 0);
  windowWaitBegins();
  assert.equal(waited(10), 10);
  windowWaitBegins();
  assert.equal(waited(10), 30);
  windowWaitEnds();
  assert.equal(waited(10), 40);
  windowWaitEnds();
  assert.equal(waited(10), 40);
});
