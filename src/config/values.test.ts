import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { z } from 'zod';
import {
  byteSize,
  duration,
  formatByteSize,
  formatDuration,
  integer,
  text,
  toggle,
} from './values.ts';

const HOUR_MS = 3_600_000;
const anyDuration = duration({ min: 0, max: 24 * HOUR_MS });

/** The value, or what is wrong with the text. */
function read(schema: z.ZodType, written: unknown): unknown {
  const result = schema.safeParse(written);
  return result.success ? result.data : result.error.issues[0].message;
}

const durations: readonly [string, number][] = [
  ['200ms', 200],
  ['30s', 30_000],
  ['1.5m', 90_000],
  ['5m', 300_000],
  ['1h', HOUR_MS],
  ['0s', 0],
];
for (const [written, ms] of durations) {
  test(`the duration ${written} is ${ms} ms`, () => assert.equal(read(anyDuration, written), ms));
}

for (const wrong of [
  '',
  '5',
  '5 s',
  's',
  '-1s',
  '1e3s',
  '5S',
  '1d',
  '1m30s',
  '٣s',
  '9'.repeat(400) + 's',
]) {
  test(`${JSON.stringify(wrong.slice(0, 9))} is no duration`, () => {
    assert.match(
      String(read(anyDuration, wrong)),
      /^must be a duration, not .*; (write 200ms|add the unit)/,
    );
  });
}

test('a duration outside its bounds names both of them', () => {
  assert.equal(
    read(duration({ min: 1_000, max: 60_000 }), '2m'),
    'is 2m; choose between 1s and 1m',
  );
  assert.equal(read(duration({ min: 1_000, max: 60_000 }), '1m'), 60_000);
});

test('every whole number of milliseconds is written as a duration that reads back', () => {
  fc.assert(
    fc.property(fc.nat({ max: 24 * HOUR_MS }), (ms) =>
      assert.equal(read(anyDuration, formatDuration(ms)), ms),
    ),
  );
});

test('sizes: a KB is 1,024 bytes, a unit is due, and both bounds are named', () => {
  const size = byteSize({ min: 1_024, max: 1_024 ** 4 });
  const sizes = { '1KB': 1_024, '512KB': 524_288, '1.5MB': 1_572_864, '2GB': 2 * 1_024 ** 3 };
  for (const [written, bytes] of Object.entries(sizes)) assert.equal(read(size, written), bytes);
  for (const wrong of [
    '',
    '10',
    '10 MB',
    '10mb',
    '10MiB',
    '-1KB',
    '1e3KB',
    `${'9'.repeat(99)}KB`,
  ]) {
    assert.match(String(read(size, wrong)), /^must be a size, not .*; write 512KB/);
  }
  assert.equal(read(size, '0.5KB'), 'is 0.5KB; choose between 1KB and 1024GB');
});

test('every whole number of kilobytes is written as a size that reads back', () => {
  const size = byteSize({ min: 0, max: 1_024 ** 4 });
  fc.assert(
    fc.property(fc.nat({ max: 1_024 ** 3 }), (kilobytes) =>
      assert.equal(read(size, formatByteSize(kilobytes * 1_024)), kilobytes * 1_024),
    ),
  );
});

test('integers are plain digits within their bounds', () => {
  const port = integer({ min: 0, max: 65_535 });
  assert.equal(read(port, '0'), 0);
  assert.equal(read(port, '65535'), 65_535);
  for (const wrong of ['65536', '-1', '1.0', '0x10', '1e2', ' 1', '']) {
    assert.match(String(read(port, wrong)), /^must be a whole number from 0 to 65535, not/);
  }
});

test('switches take the words of YAML 1.2, YAML 1.1 and shells, and nothing else', () => {
  for (const word of ['true', 'yes', 'on', '1']) assert.equal(read(toggle(false), word), true);
  for (const word of ['false', 'no', 'off', '0']) assert.equal(read(toggle(true), word), false);
  assert.equal(read(toggle(true), undefined), true);
  assert.match(String(read(toggle(true), 'maybe')), /^must be true or false/);
});

test('text that could forge a line or stand for nothing is refused', () => {
  assert.match(String(read(text(), 'a\nb')), /control character/);
  assert.match(String(read(text(), '')), /is empty/);
  assert.equal(read(text(), 'ä b'), 'ä b');
});
