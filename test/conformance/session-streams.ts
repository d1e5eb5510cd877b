/** The part of the session suite about how streams end, and about very many of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { INITIAL_WINDOW_BYTES, PEER_STREAMS_MAX } from '../../src/limits.ts';
import { Endpoint } from '../support/endpoint.ts';
import { makeSessions, REPLY_SEED, type MakeCarrier } from './session-pair.ts';

const MB = 1024 * 1024;

export function streamEnds(make: MakeCarrier): void {
  describe('ends', () => {
    test('half-close: one direction ends, the other goes on', async (t) => {
      const { near, far } = await makeSessions(t, make);
      for (const [opener, taker] of [
        [near, far],
        [far, near],
      ] as const) {
        const here = opener.open();
        here.stream.end();
        const there = await taker.at(here.stream.id);
        await there.ended();
        assert.equal(opener.session.streams, 1);
        await there.push(REPLY_SEED, MB);
        await here.ended();
        assert.equal(here.received, MB);
        assert.deepEqual([near.session.streams, far.session.streams], [0, 0]);
      }
    });

    test('close before the other end has seen the stream', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const ended = near.open();
      ended.stream.end();
      const reset = near.open();
      reset.stream.reset();
      const there = await far.at(reset.stream.id);
      assert.equal((await there.broken()).code, 'STREAM_RESET');
      await (await far.at(ended.stream.id)).ended();
      assert.deepEqual(reset.calls, []);
    });

    test('reset: the other end hears of it once, this end is not called again', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const here = near.open();
      const there = await far.at(here.stream.id);
      void there.push(REPLY_SEED, 50_000, false);
      await here.has(50_000);
      void there.push(REPLY_SEED, MB).catch(() => {}); // what is under way is thrown away
      here.stream.reset();
      here.stream.reset();
      here.stream.end();
      here.stream.send(Buffer.from('late'));
      assert.equal((await there.broken()).code, 'STREAM_RESET');
      assert.deepEqual([here.calls, there.calls], [[], ['reset STREAM_RESET']]);
      assert.deepEqual([near.session.streams, far.session.streams], [0, 0]);
      assert.equal(near.closings.length, 0);
    });

    test('reset after an end', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const here = near.open();
      here.stream.end();
      const there = await far.at(here.stream.id);
      await there.ended();
      here.stream.reset();
      await there.broken();
      assert.deepEqual(there.calls, ['finished', 'reset STREAM_RESET']);
      const second = near.open();
      second.stream.end();
      const other = await far.at(second.stream.id);
      await other.ended();
      other.stream.reset();
      await second.broken();
      assert.deepEqual([near.session.streams, far.session.streams], [0, 0]);
    });

    test('a reset drops what was held for the window', async (t) => {
      const { near, far, slabsBack } = await makeSessions(t, make);
      far.onStream = (stream) => new Endpoint(stream.id, false);
      const here = near.open();
      void here.push(here.stream.id, INITIAL_WINDOW_BYTES, false);
      const there = await far.at(here.stream.id);
      await there.has(INITIAL_WINDOW_BYTES);
      here.stream.send(Buffer.alloc(100_000));
      here.stream.reset();
      await there.broken();
      assert.equal(there.received, INITIAL_WINDOW_BYTES);
      there.pay();
      near.session.close(null);
      await slabsBack();
    });
  });
}

export function manyStreams(make: MakeCarrier): void {
  describe('many streams', () => {
    test('thousands, opened, used and ended', async (t) => {
      const { near, far, slabsBack } = await makeSessions(t, make);
      far.onStream = (stream) => {
        const end = new Endpoint(stream.id);
        end.finished = () => void end.push(REPLY_SEED, 60);
        return end;
      };
      const ends = Array.from({ length: 2_000 }, () => near.open());
      for (const end of ends) void end.push(end.stream.id, 90);
      await Promise.all(ends.map((end) => end.ended()));
      assert.ok(ends.every(({ received }) => received === 60));
      assert.ok([...far.arrived.values()].every(({ received }) => received === 90));
      assert.deepEqual([near.session.streams, far.session.streams], [0, 0]);
      near.session.close(null);
      await slabsBack();
    });

    test('beyond PEER_STREAMS_MAX a stream is refused; the others and later ones live', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const ends = Array.from({ length: PEER_STREAMS_MAX }, () => near.open());
      const over = near.open();
      assert.equal((await over.broken()).code, 'STREAM_RESET');
      assert.equal(far.session.streams, PEER_STREAMS_MAX);
      await ends[0].push(ends[0].stream.id, 10);
      const there = await far.at(ends[0].stream.id);
      await there.push(REPLY_SEED, 10);
      await ends[0].ended();
      const later = near.open();
      await later.push(later.stream.id, 10);
      await (await far.at(later.stream.id)).ended();
      assert.deepEqual(later.calls, []);
    });
  });
}
