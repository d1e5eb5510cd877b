import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GUESSERS_MAX, GUESSES_FREE, GUESS_WAIT_MAX_MS, GUESS_WAIT_MIN_MS } from '../limits.ts';
import { createGuesses } from './guesses.ts';

function open() {
  let time = 1_000;
  const guesses = createGuesses(() => time);
  const waits = (address: string): boolean => {
    try {
      guesses.check(address);
      return false;
    } catch {
      return true;
    }
  };
  const wrong = (address: string, times = 1): void => {
    for (let i = 0; i < times; i++) guesses.wrong(address);
  };
  return { guesses, waits, wrong, pass: (ms: number) => void (time += ms) };
}

test('a few wrong ones are free, then each wait is twice as long, up to a limit', () => {
  const { guesses, waits, wrong, pass } = open();
  wrong('192.0.2.1', GUESSES_FREE - 1);
  assert.equal(waits('192.0.2.1'), false);
  for (let wait = GUESS_WAIT_MIN_MS; wait < 4 * GUESS_WAIT_MAX_MS; wait *= 2) {
    wrong('192.0.2.1');
    pass(Math.min(wait, GUESS_WAIT_MAX_MS) - 1);
    assert.equal(waits('192.0.2.1'), true);
    pass(1);
    assert.equal(waits('192.0.2.1'), false);
  }
  wrong('192.0.2.1');
  assert.throws(() => guesses.check('192.0.2.1'), { code: 'TOO_MANY_GUESSES', http: 429 });
  assert.equal(waits('192.0.2.2'), false, 'others do not wait');
});

test('right credentials, and a long time, make an address a newcomer', () => {
  const { guesses, waits, wrong, pass } = open();
  wrong('192.0.2.1', GUESSES_FREE);
  guesses.right('192.0.2.1');
  wrong('192.0.2.1', GUESSES_FREE - 1);
  assert.equal(waits('192.0.2.1'), false);
  pass(3 * GUESS_WAIT_MAX_MS);
  wrong('192.0.2.1', GUESSES_FREE - 1);
  assert.equal(waits('192.0.2.1'), false);
});

test('the addresses of an IPv6 network are one guesser', () => {
  const { waits, wrong } = open();
  wrong('2001:db8::1', GUESSES_FREE);
  assert.equal(waits('2001:db8:0:0:5:6:7:8'), true);
  assert.equal(waits('2001:db8:0:1::1'), false);
  wrong('2001:db8:1:2:3:4:5:6', GUESSES_FREE);
  assert.equal(waits('2001:db8:1:2::'), true);
});

test(`no more than ${GUESSERS_MAX} addresses are remembered`, () => {
  const { waits, wrong } = open();
  wrong('192.0.2.1', GUESSES_FREE);
  wrong('192.0.2.2', GUESSES_FREE);
  for (let i = 1; i < GUESSERS_MAX; i++) wrong(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  assert.equal(waits('192.0.2.1'), false, 'the first is forgotten');
  assert.equal(waits('192.0.2.2'), true);
});
