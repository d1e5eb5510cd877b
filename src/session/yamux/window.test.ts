import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import fc from 'fast-check';
import {
  CREDIT_MAX_BYTES,
  INITIAL_WINDOW_BYTES,
  PROCESS_WINDOW_GROWTH_BYTES,
  SESSION_WINDOW_GROWTH_BYTES,
  STREAM_WINDOW_MAX_BYTES,
  WINDOW_GROWTH_FLOOR_MS,
  WINDOW_GROWTH_ROUND_TRIPS,
} from '../../limits.ts';
import { ReceiveWindow, type WindowBudget } from './window.ts';

const RTT = 50;
const SLOW = WINDOW_GROWTH_ROUND_TRIPS * RTT + 1;
const FAST = WINDOW_GROWTH_ROUND_TRIPS * RTT - 1;

let now = 0;
beforeEach(() => {
  now = 1_000;
  mock.method(performance, 'now', () => now);
});
afterEach(() => mock.restoreAll());

/** The peer fills the window and the reader takes all of it, `ms` later; gives what was credited. */
function drain(window: ReceiveWindow, budget: WindowBudget, ms: number, rtt = RTT): number {
  now += ms;
  let credited = 0;
  for (let left = window.open; left > 0;) {
    const n = Math.min(left, 16_384);
    window.open -= n;
    left -= n;
    credited += window.consume(n, rtt, budget);
  }
  return credited;
}

describe('credit', () => {
  test('comes when half the window or CREDIT_MAX_BYTES were consumed, for all that was', () => {
    const window = new ReceiveWindow();
    const budget = { grown: 0 };
    const half = INITIAL_WINDOW_BYTES / 2;
    assert.ok(half <= CREDIT_MAX_BYTES);
    assert.equal(window.consume(half - 1, RTT, budget), 0);
    assert.equal(window.consume(1, RTT, budget), half);
    assert.equal(window.consume(1, RTT, budget), 0);
    window.release(budget);
  });

  test('whatever is consumed in whatever parts, the peer is never owed more than the threshold', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100_000 })), (parts) => {
        const window = new ReceiveWindow();
        const budget = { grown: 0 };
        let consumed = 0;
        let credited = 0;
        for (const n of parts) {
          now += SLOW;
          if (n > window.open) continue;
          window.open -= n;
          consumed += n;
          credited += window.consume(n, RTT, budget);
          assert.ok(consumed - credited < CREDIT_MAX_BYTES);
          assert.equal(window.open, INITIAL_WINDOW_BYTES - consumed + credited);
        }
        window.release(budget);
        assert.equal(budget.grown, 0);
      }),
    );
  });
});

describe('growth', () => {
  test('a window used up within a few round trips doubles, up to its bound', () => {
    const window = new ReceiveWindow();
    const budget = { grown: 0 };
    drain(window, budget, SLOW); // the first pass has no time to compare with
    const sizes = new Set<number>();
    for (let i = 0; i < 20; i++) {
      drain(window, budget, FAST);
      sizes.add(INITIAL_WINDOW_BYTES + budget.grown);
    }
    const doublings = [...sizes].filter((size) => size > INITIAL_WINDOW_BYTES);
    assert.equal(doublings.at(-1), STREAM_WINDOW_MAX_BYTES);
    for (const size of doublings)
      assert.ok(Number.isInteger(Math.log2(size / INITIAL_WINDOW_BYTES)));
    window.release(budget);
    assert.equal(budget.grown, 0);
  });

  test('a slow reader keeps the window it has', () => {
    const window = new ReceiveWindow();
    const budget = { grown: 0 };
    for (let i = 0; i < 20; i++) drain(window, budget, SLOW);
    assert.equal(budget.grown, 0);
    window.release(budget);
  });

  test('where the round trip is too short to tell, WINDOW_GROWTH_FLOOR_MS decides', () => {
    const window = new ReceiveWindow();
    const budget = { grown: 0 };
    drain(window, budget, SLOW, 0);
    drain(window, budget, WINDOW_GROWTH_FLOOR_MS + 1, 0);
    drain(window, budget, WINDOW_GROWTH_FLOOR_MS + 1, 0);
    assert.equal(budget.grown, 0);
    drain(window, budget, WINDOW_GROWTH_FLOOR_MS, 0);
    drain(window, budget, WINDOW_GROWTH_FLOOR_MS, 0);
    assert.ok(budget.grown > 0);
    window.release(budget);
  });

  test('the windows of a session share a budget, those of a process another, and give both back', () => {
    const sessions = Array.from({ length: 40 }, () => ({ grown: 0 }));
    const windows: [ReceiveWindow, WindowBudget][] = [];
    for (const budget of sessions) {
      for (let i = 0; i < 10; i++) {
        const window = new ReceiveWindow();
        windows.push([window, budget]);
        for (let j = 0; j < 20; j++) drain(window, budget, FAST);
      }
      assert.ok(budget.grown <= SESSION_WINDOW_GROWTH_BYTES);
    }
    const grown = (): number => sessions.reduce((sum, budget) => sum + budget.grown, 0);
    assert.ok(sessions[0].grown > SESSION_WINDOW_GROWTH_BYTES / 2);
    assert.ok(grown() <= PROCESS_WINDOW_GROWTH_BYTES);
    assert.ok(grown() > PROCESS_WINDOW_GROWTH_BYTES / 2);
    for (const [window, budget] of windows) window.release(budget);
    assert.equal(grown(), 0);
    const later = new ReceiveWindow();
    const budget = { grown: 0 };
    for (let j = 0; j < 20; j++) drain(later, budget, FAST);
    assert.ok(budget.grown > 0, 'what was given back can be used again');
    later.release(budget);
    later.release(budget);
    assert.equal(budget.grown, 0, 'a second release takes nothing');
  });
});
