import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatPortRanges, parsePort, parsePortRanges, portInRanges } from './ports.ts';

describe('port ranges', () => {
  const forms: [string, string][] = [
    ['22', '22'],
    ['20000-29999', '20000-29999'],
    ['22,80-90', '22,80-90'],
    ['8000..8100,8500', '8000-8100,8500'],
    ['80-90, 22', '22,80-90'],
    ['80-90,85-95,96', '80-96'],
    ['1-100,5', '1-100'],
    ['*', '1-65535'],
  ];
  for (const [text, canonical] of forms) {
    test(`${text} is ${canonical}`, () =>
      assert.equal(formatPortRanges(parsePortRanges(text)), canonical));
  }

  test('refuses what is not a range', () => {
    for (const text of [
      '',
      ',',
      '22,',
      '0',
      '0-5',
      '65536',
      '1-65536',
      '-5',
      '5-',
      '1-2-3',
      '2-1',
      '022',
      '1e3',
      '0x16',
      '2 2',
      '**',
      'ssh',
    ]) {
      assert.throws(() => parsePortRanges(text), { code: 'USAGE' }, text);
    }
  });

  const range = fc.tuple(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 65_535 }));
  const written = fc.array(
    range.map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) })),
    { minLength: 1, maxLength: 8 },
  );

  test('hold exactly the ports that were written, and read back as written', () => {
    fc.assert(
      fc.property(written, fc.nat(65_535), (ranges, port) => {
        const parsed = parsePortRanges(ranges.map(({ low, high }) => `${low}-${high}`).join(','));
        for (const p of [
          port,
          ...ranges.flatMap(({ low, high }) => [low - 1, low, high, high + 1]),
        ]) {
          assert.equal(
            portInRanges(p, parsed),
            ranges.some(({ low, high }) => low <= p && p <= high),
            `port ${p}`,
          );
        }
        assert.deepEqual(parsePortRanges(formatPortRanges(parsed)), parsed);
      }),
    );
  });
});

test('a port is plain decimal digits', () => {
  assert.equal(parsePort('0', 0), 0);
  assert.equal(parsePort('0', 1), null);
  assert.equal(parsePort('65535', 1), 65_535);
  for (const text of ['', ' 1', '1 ', '+1', '-0', '00', '1.0', '１', '99999', '1\n'])
    assert.equal(parsePort(text, 0), null, text);
});
