import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkTimeZone, createHours } from './hours.ts';

/** Friday, 20 November 2026. */
const friday = (time: string): number => Date.parse(`2026-11-20T${time}:00Z`);
const DAY_MS = 24 * 3_600_000;

const cases: [string, string, number, boolean][] = [
  ['a time within', 'mon-fri 08:00-18:00', friday('08:00'), true],
  ['the last minute', 'mon-fri 08:00-18:00', friday('17:59'), true],
  ['the end is outside', 'mon-fri 08:00-18:00', friday('18:00'), false],
  ['the minute before', 'mon-fri 08:00-18:00', friday('07:59'), false],
  ['another day', 'mon-thu 08:00-18:00', friday('12:00'), false],
  ['one day', 'fri', friday('00:00'), true],
  ['its last minute', 'Fri', friday('23:59'), true],
  ['the day before', 'sat', friday('23:59'), false],
  ['days with commas', 'mon,wed-thu,fri', friday('12:00'), true],
  ['days over the end of the week', 'sat-mon', friday('12:00') + 2 * DAY_MS, true],
  ['and not beyond it', 'sat-mon', friday('12:00'), false],
  ['times alone hold every day', '12:00-13:00', friday('12:30') + DAY_MS, true],
  ['until midnight', '12:00-24:00', friday('23:59'), true],
  ['over midnight, before it', 'fri 22:00-06:00', friday('23:00'), true],
  ['over midnight, after it', 'fri 22:00-06:00', friday('05:59') + DAY_MS, true],
  [
    'over midnight, the morning belongs to the day before',
    'fri 22:00-06:00',
    friday('05:00'),
    false,
  ],
  ['over midnight at the end of the week', 'sun 22:00-06:00', friday('05:00') + 3 * DAY_MS, true],
  ['whole days', '00:00-24:00', friday('23:59'), true],
];

describe('hours', () => {
  for (const [name, text, at, held] of cases) {
    test(name, () => assert.equal(createHours([text], 'UTC').hold(at), held));
  }

  test('one of several is enough', () => {
    const hours = createHours(['mon', 'fri 10:00-11:00'], 'UTC');
    assert.deepEqual([hours.hold(friday('10:30')), hours.hold(friday('11:30'))], [true, false]);
  });

  test('the time is that of the zone, summer time included', () => {
    const hours = createHours(['08:00-09:00'], 'Europe/Berlin');
    assert.equal(hours.hold(Date.parse('2026-01-15T07:30:00Z')), true);
    assert.equal(hours.hold(Date.parse('2026-07-15T07:30:00Z')), false);
    assert.equal(hours.hold(Date.parse('2026-07-15T06:30:00Z')), true);
  });

  test('a zone that is half an hour off, on another day', () => {
    const hours = createHours(['sat 04:00-04:30'], 'Asia/Kolkata');
    assert.equal(hours.hold(friday('22:45')), true);
    assert.equal(hours.show(friday('22:45')), 'sat 04:15 in Asia/Kolkata');
  });

  test('moments before 1970, and the next minute after one that was asked', () => {
    const hours = createHours(['wed 23:59-24:00'], 'UTC');
    assert.deepEqual([-1, -60_000, -60_001, 0].map(hours.hold), [true, true, false, false]);
  });
});

describe('refused', () => {
  for (const text of [
    '',
    'fry',
    'mon-',
    'mon-wed-fri',
    'mon fri',
    '8:00-18:00',
    '08:00',
    '08:00-25:00',
    '24:00-08:00',
    '08:60-09:00',
    '08:00-24:01',
    '08:00-08:00',
    'mon 08:00-09:00 UTC',
  ]) {
    test(JSON.stringify(text), () => {
      assert.throws(() => createHours([text], 'UTC'), { code: 'USAGE', message: /^hours "/ });
    });
  }

  test('a time zone that is none', () => {
    for (const zone of ['', 'Mars/Olympus', 'UTC; drop']) {
      assert.throws(() => checkTimeZone(zone), { code: 'USAGE', message: /^time zone "/ });
    }
    checkTimeZone('America/New_York');
  });
});
