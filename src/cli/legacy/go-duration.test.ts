import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGoDuration } from './go-duration.ts';

test('durations as Go writes them', () => {
  const cases: [string, number][] = [
    ['0', 0],
    ['3s', 3_000],
    ['500ms', 500],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1.s', 1_000],
    ['250us', 0.25],
    ['9999h', 2 ** 31 - 1],
  ];
  for (const [text, ms] of cases) assert.equal(parseGoDuration(text, 'timeout'), ms, text);
});

test('what is none', () => {
  for (const text of ['', '3', 's', '3 s', '-1s', '1s2', '1d', '3S'])
    assert.throws(() => parseGoDuration(text, 'timeout'), { code: 'USAGE' }, text);
});
