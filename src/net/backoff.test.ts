import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RECONNECT_MAX_MS, RECONNECT_MIN_MS } from '../limits.ts';
import { createBackoff } from './backoff.ts';

test('the step doubles up to the maximum, and begins anew after a reset', () => {
  const backoff = createBackoff({ min: 200, max: 1_500, random: () => 0 });
  const pauses = () => Array.from({ length: 5 }, () => backoff.next());
  assert.deepEqual(pauses(), [100, 200, 400, 750, 750]);
  backoff.reset();
  assert.deepEqual(pauses(), [100, 200, 400, 750, 750]);
});

test('each pause lies between half of its step and the whole', () => {
  const lot = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.array(lot, { minLength: 1, maxLength: 40 }), (lots) => {
      let drawn = 0;
      const backoff = createBackoff({ random: () => lots[drawn++] });
      lots.forEach((_, n) => {
        const step = Math.min(RECONNECT_MIN_MS * 2 ** n, RECONNECT_MAX_MS);
        const pause = backoff.next();
        assert.ok(pause >= step / 2 && pause <= step, `pause ${pause} of step ${step}`);
      });
    }),
  );
});

test('the part that is drawn by lot can be another one', () => {
  const pauses = (lot: number) => {
    const backoff = createBackoff({ min: 100, max: 400, jitter: 0.1, random: () => lot });
    return Array.from({ length: 4 }, () => Math.round(backoff.next()));
  };
  assert.deepEqual(pauses(0), [90, 180, 360, 360]);
  assert.deepEqual(pauses(0.5), [95, 190, 380, 380]);
});

test('a herd of diallers is spread out', () => {
  const pauses = Array.from({ length: 200 }, () => createBackoff().next());
  assert.ok(Math.max(...pauses) - Math.min(...pauses) > RECONNECT_MIN_MS / 4);
});
