/** The part of the session suite about back-pressure: windows, full links, fairness. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { INITIAL_WINDOW_BYTES } from '../../src/limits.ts';
import { Endpoint } from '../support/endpoint.ts';
import { Pattern } from '../support/pattern.ts';
import { makeSessions, REPLY_SEED, type MakeCarrier } from './session-pair.ts';

const MB = 1024 * 1024;

/** `bulkBytes`: what 64 streams push each way, together. `beyondWindow`: see the options of the suite. */
export function flowControl(make: MakeCarrier, bulkBytes: number, beyondWindow: number): void {
  describe('flow control', () => {
    test('a reader that credits nothing stops its own writer at the window, and nobody else', async (t) => {
      const { near, far } = await makeSessions(t, make);
      far.onStream = (stream) => new Endpoint(stream.id, stream.id !== stalled.stream.id);
      const stalled = near.open();
      const stalledPush = stalled.push(stalled.stream.id, 2 * MB);
      const there = await far.at(stalled.stream.id);
      await there.has(INITIAL_WINDOW_BYTES);
      const others = Array.from({ length: 4 }, () => near.open());
      await Promise.all(others.map((end) => end.push(end.stream.id, MB)));
      for (const { stream } of others) await (await far.at(stream.id)).has(MB);
      assert.equal(there.received, INITIAL_WINDOW_BYTES);
      assert.equal(stalled.stream.writable, false);
      there.crediting = true;
      there.pay();
      await stalledPush;
      await there.ended();
      assert.equal(there.received, 2 * MB);
    });

    test('the end behind a whole window is heard without credit', async (t) => {
      const { near, far } = await makeSessions(t, make);
      far.onStream = (stream) => new Endpoint(stream.id, false);
      const here = near.open();
      await here.push(here.stream.id, INITIAL_WINDOW_BYTES);
      const there = await far.at(here.stream.id);
      await there.ended();
      assert.equal(there.received, INITIAL_WINDOW_BYTES);
    });

    test('partial reads: credit in small parts moves the window by their sum', async (t) => {
      const { near, far } = await makeSessions(t, make);
      far.onStream = (stream) => new Endpoint(stream.id, false);
      const here = near.open();
      const pushed = here.push(here.stream.id, 4 * INITIAL_WINDOW_BYTES);
      const there = await far.at(here.stream.id);
      for (let total = INITIAL_WINDOW_BYTES; total < 4 * INITIAL_WINDOW_BYTES;) {
        await there.has(total);
        while (there.owed > 0) there.pay(Math.min(there.owed, 1_000));
        total = Math.min(4 * INITIAL_WINDOW_BYTES, there.received + INITIAL_WINDOW_BYTES / 2);
      }
      await pushed;
      await there.ended();
      assert.equal(there.received, 4 * INITIAL_WINDOW_BYTES);
    });

    test('write while blocked: everything is kept in order, and the end stays behind it', async (t) => {
      const { near, far } = await makeSessions(t, make);
      far.onStream = (stream) => new Endpoint(stream.id, false);
      const here = near.open();
      const there = far.at(here.stream.id);
      const pattern = new Pattern(here.stream.id);
      let sent = INITIAL_WINDOW_BYTES + beyondWindow;
      here.stream.send(pattern.bytes(0, sent));
      await (await there).has(INITIAL_WINDOW_BYTES);
      assert.equal(here.stream.writable, false);
      for (const n of [1, 300_000, 5, 70_000]) {
        here.stream.send(pattern.bytes(sent, n));
        sent += n;
      }
      here.stream.end();
      here.stream.send(Buffer.from('after the end'));
      const end = await there;
      end.crediting = true;
      end.pay();
      await end.ended();
      assert.equal(end.received, sent);
    });

    test('write during read: an echo inside the delivery', async (t) => {
      const { near, far } = await makeSessions(t, make);
      far.onStream = (stream) => {
        const echo = new Endpoint(stream.id);
        echo.data = (slab, start, end) => {
          stream.write(slab, start, end);
          stream.credit(end - start);
        };
        echo.finished = () => stream.end();
        return echo;
      };
      const here = near.open();
      await here.push(REPLY_SEED, 3 * MB);
      await here.ended();
      assert.equal(here.received, 3 * MB);
    });

    test('a link that is not read blocks writers, and lets all of them go on in the end', async (t) => {
      const { near, far, stall, heal, slabsBack } = await makeSessions(t, make);
      stall();
      const ends = Array.from({ length: 1_200 }, () => far.open());
      const pushes = ends.map((end) => end.push(end.stream.id, 100_000));
      const blocked = ends.filter(({ stream }) => !stream.writable);
      assert.ok(blocked.length > 1_000, `${blocked.length} of 1200 streams are blocked`);
      heal();
      await Promise.all(pushes);
      for (const { stream } of ends) await (await near.at(stream.id)).ended();
      assert.equal(near.closings.length + far.closings.length, 0);
      near.session.close(null);
      await far.over();
      await slabsBack();
    });

    test('T14: both ends push on 64 streams at once and nobody waits for the other', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const each = bulkBytes / 64;
      const ends = Array.from({ length: 64 }, () => near.open());
      await Promise.all(
        ends.map(async (here) => {
          const there = await far.at(here.stream.id);
          await Promise.all([here.push(here.stream.id, each), there.push(REPLY_SEED, each)]);
          await Promise.all([here.ended(), there.ended()]);
          assert.deepEqual([here.received, there.received], [each, each]);
        }),
      );
    });

    test('fairness: a word gets through while others push, and equals advance equally', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const ends = Array.from({ length: 8 }, () => near.open());
      const pushes = ends.map((end) => end.push(end.stream.id, 8 * MB));
      const others = await Promise.all(ends.map(({ stream }) => far.at(stream.id)));
      await others[0].has(MB);
      const word = near.open();
      await word.push(word.stream.id, 100);
      await (await far.at(word.stream.id)).ended();
      const during = others.reduce((sum, { received }) => sum + received, 0);
      assert.ok(during < 8 * 8 * MB, 'the word came before the bulk was over');
      await Promise.race(others.map((end) => end.has(8 * MB)));
      const least = Math.min(...others.map(({ received }) => received));
      assert.ok(least > 2 * MB, `${least} bytes of the slowest when the first was done`);
      await Promise.all(pushes);
    });
  });
}
