import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { within } from '../../test/support/wait.ts';
import { DRAIN_POLL_MS } from '../limits.ts';
import { drained } from './drain.ts';

const LONG_MS = 60_000;

/** What it resolves with, if that is before any timer could fire. */
async function atOnce(waiting: Promise<number>): Promise<number | undefined> {
  let result: number | undefined;
  void waiting.then((still) => (result = still));
  await turn();
  return result;
}

test('nothing runs: there is nothing to wait for', async () => {
  assert.equal(await atOnce(drained(() => 0, LONG_MS)), 0);
});

test('it is over as soon as the last work is', async () => {
  let running = 3;
  const asked = (): number => (running > 0 ? running-- : 0);
  assert.equal(await within(5_000, drained(asked, LONG_MS)), 0);
  assert.equal(running, 0);
});

test('after the grace time it is over with what still runs', async () => {
  const began = performance.now();
  assert.equal(
    await within(
      5_000,
      drained(() => 2, 2 * DRAIN_POLL_MS),
    ),
    2,
  );
  assert.ok(performance.now() - began >= 2 * DRAIN_POLL_MS - 1);
});

test('without grace nobody is waited for', async () => {
  assert.equal(await atOnce(drained(() => 2, 0)), 2);
});
