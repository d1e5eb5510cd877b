/** What every session promises, as one suite: a file for each implementation runs it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { flowControl } from './session-flow.ts';
import { sessionLife } from './session-life.ts';
import { makeSessions, REPLY_SEED, type MakeCarrier } from './session-pair.ts';
import { manyStreams, streamEnds } from './session-streams.ts';

export interface SessionSuiteOptions {
  /** Bytes that 64 streams push each way, together. */
  bulkBytes: number;
  /** More than what a carrier with windows of its own takes beyond the window of a stream. Default: 0. */
  beyondWindow?: number;
}

/** Runs the suite. `make` gives two fresh ends of a session; what it opens ends with the test. */
export function sessionConformance(
  name: string,
  make: MakeCarrier,
  options: SessionSuiteOptions,
): void {
  describe(`session: ${name}`, () => {
    test('bytes arrive in order and exact, both ways at once, whatever way they are given', async (t) => {
      const { near, far, slabsBack } = await makeSessions(t, make);
      const here = near.open();
      const there = await far.at(here.stream.id);
      const total = 3_000_001;
      await Promise.all([here.push(here.stream.id, total), there.push(REPLY_SEED, total)]);
      await Promise.all([here.ended(), there.ended()]);
      assert.equal(here.received, total);
      assert.equal(there.received, total);
      assert.deepEqual([here.calls, there.calls], [['finished'], ['finished']]);
      assert.deepEqual([near.session.streams, far.session.streams], [0, 0]);
      near.session.close(null);
      await slabsBack();
    });

    test('both sides open streams, and ids never meet', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const mine = Array.from({ length: 20 }, () => near.open());
      const theirs = Array.from({ length: 20 }, () => far.open());
      const ids = new Set([...mine, ...theirs].map(({ stream }) => stream.id));
      assert.equal(ids.size, 40);
      for (const [from, to] of [
        [mine, far],
        [theirs, near],
      ] as const) {
        for (const end of from) {
          void end.push(end.stream.id, 10_000);
          const other = await to.at(end.stream.id);
          await other.push(REPLY_SEED, 5_000);
          await Promise.all([other.ended(), end.ended()]);
          assert.deepEqual([other.received, end.received], [10_000, 5_000]);
        }
      }
    });

    test('nobody waits a round trip: bytes follow the opening at once', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const here = near.open();
      here.stream.send(Buffer.alloc(0));
      await here.push(here.stream.id, 100);
      const there = await far.at(here.stream.id);
      await there.ended();
      assert.equal(there.received, 100);
    });

    flowControl(make, options.bulkBytes, options.beyondWindow ?? 0);
    streamEnds(make);
    manyStreams(make);
    sessionLife(make);
  });
}
