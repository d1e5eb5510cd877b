/** The part of the session suite about the session as a whole: pings, go-away, close, loss. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SallyportError } from '../../src/errors.ts';
import { createHeartbeat } from '../../src/session/heartbeat.ts';
import type { Endpoint } from '../support/endpoint.ts';
import { until } from '../support/wait.ts';
import { makeSessions, REPLY_SEED, type MakeCarrier } from './session-pair.ts';

const MB = 1024 * 1024;

export function sessionLife(make: MakeCarrier): void {
  describe('the session', () => {
    test('ping gives the round trip', async (t) => {
      const { near, far } = await makeSessions(t, make);
      assert.equal(near.session.rtt, 0);
      near.session.ping();
      near.session.ping();
      await until('the answer is there', () => near.session.rtt > 0);
      assert.ok(near.session.rtt < 1_000);
      assert.equal(far.session.takeActivity(), true);
      assert.equal(far.session.takeActivity(), false);
      assert.equal(near.session.takeActivity(), true);
    });

    test('ping timeout: a silent peer is noticed and named, a living one is left alone', async (t) => {
      const { near, far, stall } = await makeSessions(t, make);
      const heartbeat = createHeartbeat(60);
      t.after(() => heartbeat.close());
      heartbeat.add(far.session);
      for (let i = 0; i < 6; i++) {
        await until('the peer answers', () => far.session.takeActivity());
        far.session.ping();
      }
      assert.equal(far.closings.length, 0);
      stall();
      assert.equal((await far.over())?.code, 'HEARTBEAT_LOST');
      near.session.close(null);
    });

    test('streams count their bytes and tell once how they ended', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const told: string[] = [];
      const watch = (name: string, { stream }: Endpoint): void => {
        stream.onOver = (end) =>
          void told.push(`${name} ${typeof end === 'string' ? end : end.code}`);
      };
      const whole = near.open();
      watch('whole', whole);
      await whole.push(whole.stream.id, 1_000);
      const there = await far.at(whole.stream.id);
      await there.push(REPLY_SEED, 50_000);
      await whole.ended();
      assert.deepEqual([whole.stream.bytesSent, whole.stream.bytesReceived], [1_000, 50_000]);
      assert.deepEqual([there.stream.bytesSent, there.stream.bytesReceived], [50_000, 1_000]);
      const [dropped, kicked, lost] = [near.open(), near.open(), near.open()];
      watch('dropped', dropped);
      watch('kicked', kicked);
      watch('lost', lost);
      dropped.stream.reset();
      dropped.stream.reset();
      kicked.stream.reset(new SallyportError('DENIED', 'stream: kicked'));
      near.session.close(new SallyportError('LINK_LOST', 'link: gone'));
      assert.deepEqual(told, ['whole ok', 'dropped closed', 'kicked DENIED', 'lost LINK_LOST']);
      assert.ok([whole, dropped, kicked, lost].every(({ stream }) => stream.over));
    });

    test('go-away: no new streams from the peer, those that it has opened go on', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const here = near.open();
      const there = await far.at(here.stream.id);
      far.session.goAway();
      far.session.goAway();
      const racing = near.open();
      assert.ok(!far.session.refusing);
      await until('the peer knows', () => near.goneAways === 1);
      assert.throws(() => near.open(), { code: 'SESSION_CLOSED' });
      await racing.push(racing.stream.id, 10);
      await (await far.at(racing.stream.id)).ended();
      await until('it is known that the peer knows', () => far.session.refusing);
      assert.ok(!near.session.refusing);
      const other = far.open();
      await other.push(other.stream.id, 10);
      await (await near.at(other.stream.id)).ended();
      await Promise.all([here.push(here.stream.id, MB), there.push(REPLY_SEED, MB)]);
      await Promise.all([here.ended(), there.ended()]);
      assert.equal(near.goneAways, 1);
    });

    test('close with an error: all streams of both ends are reset, and both ends know why', async (t) => {
      const { near, far, slabsBack } = await makeSessions(t, make);
      const ends = Array.from({ length: 10 }, () => near.open());
      for (const end of ends) void end.push(end.stream.id, 10_000, false);
      const others = await Promise.all(ends.map(({ stream }) => far.at(stream.id)));
      await Promise.all(others.map((end) => end.has(10_000)));
      const error = new SallyportError('REPLACED', 'session: a newer one took over');
      far.session.close(error);
      far.session.close(null);
      assert.equal(await far.over(), error);
      for (const end of others) assert.equal(await end.broken(), error);
      const told = await near.over();
      assert.deepEqual([told?.code, told?.message], [error.code, error.message]);
      for (const end of ends) assert.equal((await end.broken()).code, 'REPLACED');
      assert.throws(() => near.open(), { code: 'SESSION_CLOSED' });
      assert.throws(() => far.open(), { code: 'SESSION_CLOSED' });
      for (const { stream } of ends) stream.send(Buffer.from('late'));
      assert.equal(near.session.streams + far.session.streams, 0);
      assert.deepEqual([near.closings.length, far.closings.length], [1, 1]);
      await slabsBack();
    });

    test('close in order: streams are reset with SESSION_CLOSED, the session ends with null', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const here = near.open();
      const there = await far.at(here.stream.id);
      near.session.close(null);
      assert.equal(await far.over(), null);
      assert.equal(await near.over(), null);
      assert.equal((await here.broken()).code, 'SESSION_CLOSED');
      assert.equal((await there.broken()).code, 'SESSION_CLOSED');
    });

    test('what was sent before a close arrives', async (t) => {
      const { near, far } = await makeSessions(t, make);
      const here = near.open();
      await here.push(here.stream.id, 100_000);
      near.session.close(null);
      const there = await far.at(here.stream.id);
      await there.ended();
      assert.equal(there.received, 100_000);
    });

    test('the loss of the link ends both ends and every stream, and frees all they held', async (t) => {
      const { near, far, stall, cut, slabsBack } = await makeSessions(t, make);
      const ends = Array.from({ length: 20 }, () => far.open());
      stall();
      for (const end of ends) end.push(end.stream.id, 2 * MB).catch(() => {});
      await until('all are blocked', () => ends.every((end) => !end.stream.writable));
      cut();
      assert.equal((await near.over())?.code, 'LINK_LOST');
      assert.equal((await far.over())?.code, 'LINK_LOST');
      for (const end of ends) assert.equal((await end.broken()).code, 'LINK_LOST');
      await slabsBack();
    });
  });
}
