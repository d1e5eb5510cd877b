import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { PACE_BURST_MS, PACE_TICK_MS, PACE_TURN_MAX_BYTES } from '../limits.ts';
import { HEADROOM, Slab } from '../net/slab.ts';
import { Lane } from './lane.ts';
import { ByteRate, PaceClock } from './pace.ts';

const RATE = 1_024_000;
const BURST = (RATE * PACE_BURST_MS) / 1_000;

/** A clock of the test's own: `pass` lets time go by, tick by tick. */
function clockOf(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = 0;
  const clock = new PaceClock(() => now);
  t.after(() => clock.close());
  const pass = (ms: number): void => {
    for (let gone = 0; gone < ms; gone += PACE_TICK_MS) {
      now += PACE_TICK_MS;
      t.mock.timers.tick(PACE_TICK_MS);
    }
  };
  return { clock, pass };
}

/** A lane whose bytes are counted and kept. */
function laneOf(rates: readonly ByteRate[]) {
  const passed: Buffer[] = [];
  let clears = 0;
  const lane = new Lane(rates, {
    pass: (slab, start, end) => void passed.push(Buffer.from(slab.bytes.subarray(start, end))),
    cleared: () => void clears++,
  });
  return {
    lane,
    offer: (bytes: Buffer) => lane.offer(slabOf(bytes), HEADROOM, HEADROOM + bytes.length),
    get bytes() {
      return passed.reduce((sum, { length }) => sum + length, 0);
    },
    get clears() {
      return clears;
    },
    all: () => Buffer.concat(passed),
  };
}

function slabOf(bytes: Buffer): Slab {
  return new Slab(Buffer.concat([Buffer.alloc(HEADROOM), bytes]), null);
}

describe('a rate', () => {
  test('lets a burst through at once, and then as many bytes a second as it says', (t) => {
    const { clock, pass } = clockOf(t);
    const one = laneOf([new ByteRate(clock, RATE)]);
    one.offer(Buffer.alloc(4 * RATE));
    assert.equal(one.bytes, BURST);
    pass(1_000);
    assert.ok(Math.abs(one.bytes - BURST - RATE) < RATE / 50, `${one.bytes} after a second`);
    pass(3_000);
    assert.equal(one.bytes, 4 * RATE);
    assert.deepEqual([one.lane.holding, one.clears], [false, 1]);
  });

  test('is full again after a pause, and no fuller', (t) => {
    const { clock, pass } = clockOf(t);
    const rate = new ByteRate(clock, RATE);
    const one = laneOf([rate]);
    one.offer(Buffer.alloc(BURST));
    assert.equal(rate.left, 0);
    pass(10_000);
    assert.equal(rate.left, BURST);
  });

  test('is shared equally by all that want more than there is', (t) => {
    const { clock, pass } = clockOf(t);
    const rate = new ByteRate(clock, RATE);
    const lanes = Array.from({ length: 5 }, () => laneOf([rate]));
    lanes[0].offer(Buffer.alloc(BURST));
    for (const one of lanes) one.offer(Buffer.alloc(2 * RATE));
    pass(2_000);
    const shares = lanes.map(({ bytes }, at) => (at === 0 ? bytes - BURST : bytes));
    for (const share of shares) {
      const due = (2 * RATE) / 5;
      assert.ok(Math.abs(share - due) <= PACE_TURN_MAX_BYTES, `${share} instead of ${due}`);
    }
  });

  test('a stream of few bytes waits one round, not until the others are done', (t) => {
    const { clock, pass } = clockOf(t);
    const rate = new ByteRate(clock, RATE);
    const greedy = laneOf([rate]);
    greedy.offer(Buffer.alloc(20 * RATE));
    const modest = laneOf([rate]);
    modest.offer(Buffer.alloc(1_000));
    assert.equal(modest.bytes, 0, 'it does not pass those who wait');
    pass(3 * PACE_TICK_MS);
    assert.equal(modest.bytes, 1_000);
    assert.ok(greedy.lane.holding);
  });

  test('another rate holds for those who wait as well', (t) => {
    const { clock, pass } = clockOf(t);
    const rate = new ByteRate(clock, RATE);
    const one = laneOf([rate]);
    one.offer(Buffer.alloc(BURST + 2 * RATE));
    rate.perSecond = 4 * RATE;
    pass(600);
    assert.equal(one.bytes, BURST + 2 * RATE);
    rate.perSecond = RATE / 2;
    assert.ok(rate.left <= BURST / 2, 'no more burst than the new rate has');
    one.offer(Buffer.alloc(9 * RATE));
    rate.perSecond = Infinity;
    pass(PACE_TICK_MS);
    assert.equal(one.bytes, BURST + 11 * RATE);
    rate.perSecond = RATE;
    pass(PACE_TICK_MS);
    assert.equal(rate.left, BURST);
  });

  test('the slowest rates let bytes through as well', (t) => {
    const { clock, pass } = clockOf(t);
    const one = laneOf([new ByteRate(clock, 1_024)]);
    one.offer(Buffer.alloc(4_096));
    assert.equal(one.bytes, 1_024);
    pass(3_100);
    assert.equal(one.bytes, 4_096);
  });
});

describe('several rates', () => {
  test('the scarcest decides, and every byte counts against all', (t) => {
    const { clock, pass } = clockOf(t);
    const wide = new ByteRate(clock, 10 * RATE);
    const narrow = new ByteRate(clock, RATE);
    const one = laneOf([wide, narrow]);
    one.offer(Buffer.alloc(3 * RATE));
    assert.equal(wide.left, 9 * BURST);
    pass(1_000);
    assert.ok(Math.abs(one.bytes - BURST - RATE) < RATE / 50, `${one.bytes} after a second`);
  });

  test('whoever is held back by a rate of its own does not hold back the others', (t) => {
    const { clock, pass } = clockOf(t);
    const common = new ByteRate(clock, 2 * RATE);
    const slow = laneOf([common, new ByteRate(clock, RATE / 10)]);
    const fast = laneOf([common]);
    slow.offer(Buffer.alloc(RATE));
    fast.offer(Buffer.alloc(6 * RATE));
    pass(2_000);
    assert.ok(fast.bytes > 3.5 * RATE, `${fast.bytes} of the other`);
  });

  test('crossed rates come to an end', (t) => {
    const { clock, pass } = clockOf(t);
    const [a, b] = [new ByteRate(clock, RATE), new ByteRate(clock, RATE)];
    const lanes = [laneOf([a, b]), laneOf([b, a]), laneOf([a]), laneOf([b])];
    for (const one of lanes) one.offer(Buffer.alloc(RATE));
    pass(4_000);
    assert.deepEqual(
      lanes.map(({ bytes }) => bytes),
      lanes.map(() => RATE),
    );
  });
});

describe('a lane', () => {
  test('without rates everything passes at once', () => {
    const one = laneOf([]);
    one.offer(Buffer.alloc(RATE));
    assert.deepEqual([one.bytes, one.lane.holding], [RATE, false]);
  });

  test('what is closed passes nothing, and takes nobody’s turn', (t) => {
    const { clock, pass } = clockOf(t);
    const rate = new ByteRate(clock, RATE);
    const [gone, stays] = [laneOf([rate]), laneOf([rate])];
    gone.offer(Buffer.alloc(2 * BURST));
    stays.offer(Buffer.alloc(BURST));
    gone.lane.close();
    gone.offer(Buffer.alloc(1));
    pass(PACE_BURST_MS + PACE_TICK_MS);
    assert.deepEqual([gone.bytes, stays.bytes, gone.clears], [BURST, BURST, 0]);
    assert.equal(rate.crowded, false);
  });

  test('closed in the middle of its turn', (t) => {
    const { clock, pass } = clockOf(t);
    let calls = 0;
    const lane = new Lane([new ByteRate(clock, RATE)], {
      pass: () => {
        if (++calls === 2) lane.close();
      },
      cleared: () => assert.fail('it is closed'),
    });
    const bytes = Buffer.alloc(2 * BURST);
    lane.offer(slabOf(bytes), HEADROOM, HEADROOM + bytes.length);
    pass(2_000);
    assert.equal(calls, 2);
  });

  test('any pieces at any times: all of it, in order', (t) => {
    const { clock, pass } = clockOf(t);
    const step = fc.oneof(
      fc.uint8Array({ maxLength: 60_000 }).map((bytes) => Buffer.from(bytes)),
      fc.integer({ min: 1, max: 50 }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 12 }),
        fc.array(fc.integer({ min: 100_000, max: 4_000_000 }), { maxLength: 3 }),
        (steps, rates) => {
          const one = laneOf(rates.map((rate) => new ByteRate(clock, rate)));
          const given: Buffer[] = [];
          for (const next of steps) {
            if (typeof next === 'number') pass(next);
            else {
              given.push(next);
              one.offer(next);
            }
          }
          pass(10_000);
          assert.ok(one.all().equals(Buffer.concat(given)));
          assert.equal(one.lane.holding, false);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('the timer runs only while somebody waits', (t) => {
    const { clock, pass } = clockOf(t);
    const started = t.mock.method(globalThis, 'setInterval');
    const one = laneOf([new ByteRate(clock, RATE)]);
    one.offer(Buffer.alloc(BURST));
    assert.equal(started.mock.callCount(), 0);
    for (let round = 1; round <= 2; round++) {
      one.offer(Buffer.alloc(BURST / 2));
      assert.equal(started.mock.callCount(), round);
      pass(PACE_BURST_MS);
      assert.equal(one.lane.holding, false);
      one.offer(Buffer.alloc(BURST));
      pass(2 * PACE_BURST_MS);
    }
  });
});
