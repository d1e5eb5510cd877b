import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { until } from '../../test/support/wait.ts';
import { EVENT_BATCH_MAX } from '../limits.ts';
import { createEventCursor, type EventCursor } from './cursor.ts';
import type { SallyportEvent } from './event.ts';
import { createEventLog, type EventLog } from './log.ts';

function publish(log: EventLog, count: number): void {
  for (let i = 0; i < count; i++) log.publish('server.draining', { graceMs: i });
}

const numbers = (events: readonly SallyportEvent[] = []): number[] => events.map(({ seq }) => seq);

/** All that is to be had now, and how much was missed. */
async function readAll(cursor: EventCursor): Promise<{ seqs: number[]; missed: number }> {
  cursor.end();
  const all = { seqs: [] as number[], missed: 0 };
  for (let batch = await cursor.next(); batch !== null; batch = await cursor.next()) {
    all.seqs.push(...numbers(batch.events));
    all.missed += batch.missed;
  }
  return all;
}

test('a cursor begins with what comes next, and events that come soon after each other come together', async () => {
  const log = createEventLog();
  publish(log, 2);
  const cursor = createEventCursor(log);
  const waiting = cursor.next();
  publish(log, 3);
  assert.deepEqual(numbers((await waiting)?.events), [3, 4, 5]);
  publish(log, 1);
  assert.deepEqual(numbers((await cursor.next())?.events), [6]);
});

test('or after a number, with all that was since', async () => {
  const log = createEventLog();
  publish(log, 4);
  const cursor = createEventCursor(log, { after: 1 });
  assert.deepEqual(numbers((await cursor.next())?.events), [2, 3, 4]);
});

test('what the filter stops is passed over, and wakes nobody', async () => {
  const log = createEventLog();
  const cursor = createEventCursor(log, { filter: ({ seq }) => seq % 3 === 0 });
  const waiting = cursor.next();
  publish(log, 2);
  await until('they were read', () => cursor.seq === 2);
  publish(log, 2);
  assert.deepEqual(numbers((await waiting)?.events), [3]);
  assert.equal(cursor.seq, 4);
});

test('a batch is bounded, and nothing is lost at its border', async () => {
  const log = createEventLog();
  const cursor = createEventCursor(log);
  publish(log, EVENT_BATCH_MAX + 1);
  assert.equal((await cursor.next())?.events.length, EVENT_BATCH_MAX);
  assert.deepEqual(numbers((await cursor.next())?.events), [EVENT_BATCH_MAX + 1]);
});

describe('a reader that the log has gone past', () => {
  test('is told how many events it missed, and goes on with the oldest that is kept', async () => {
    const log = createEventLog({ kept: 3 });
    const cursor = createEventCursor(log);
    publish(log, 5);
    const batch = await cursor.next();
    assert.deepEqual([batch?.missed, numbers(batch?.events)], [2, [3, 4, 5]]);
    publish(log, 1);
    assert.deepEqual(await cursor.next().then((next) => [next?.missed, numbers(next?.events)]), [
      0,
      [6],
    ]);
  });

  test('is told even when its filter lets nothing through of what is kept', async () => {
    const log = createEventLog({ kept: 1 });
    const cursor = createEventCursor(log, { filter: () => false });
    publish(log, 3);
    assert.deepEqual(await cursor.next(), { missed: 2, events: [] });
  });
});

test('whatever is published and read in whatever order: each event is read or missed, once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: -1, max: 30 }), { maxLength: 30 }),
      async (kept, steps) => {
        const log = createEventLog({ kept });
        const cursor = createEventCursor(log);
        const seqs: number[] = [];
        let missed = 0;
        for (const step of steps) {
          if (step >= 0) publish(log, step);
          else if (cursor.seq < log.seq) {
            const batch = await cursor.next();
            seqs.push(...numbers(batch?.events));
            missed += batch!.missed;
          }
        }
        const rest = await readAll(cursor);
        seqs.push(...rest.seqs);
        assert.equal(seqs.length + missed + rest.missed, log.seq);
        assert.deepEqual(
          seqs,
          [...new Set(seqs)].toSorted((a, b) => a - b),
        );
      },
    ),
  );
});

describe('the end', () => {
  test('after `end` what was published before is given out, then null', async () => {
    const log = createEventLog();
    const cursor = createEventCursor(log);
    publish(log, 2);
    cursor.end();
    publish(log, 2);
    assert.deepEqual(numbers((await cursor.next())?.events), [1, 2]);
    assert.equal(await cursor.next(), null);
  });

  test('after `end` even when the log has gone past it', async () => {
    const log = createEventLog({ kept: 1 });
    const cursor = createEventCursor(log);
    publish(log, 2);
    cursor.end();
    publish(log, 2);
    assert.deepEqual(await cursor.next(), { missed: 2, events: [] });
    assert.equal(await cursor.next(), null);
  });

  test('a reader that waits is woken by `end` and by `close`', async () => {
    for (const way of ['end', 'close'] as const) {
      const cursor = createEventCursor(createEventLog());
      const waiting = cursor.next();
      cursor[way]();
      assert.equal(await waiting, null);
    }
  });

  test('after `close` nothing is given out', async () => {
    const log = createEventLog();
    const cursor = createEventCursor(log);
    publish(log, 1);
    cursor.close();
    assert.equal(await cursor.next(), null);
  });
});
