/** QUIC under load: the process that serves it ends or hangs, or its datagrams stop, while bytes flow. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { service } from '../support/composition.ts';
import { ECHO_SEED, echoOn, openQuicRoad, type StayingConsumer } from '../support/quic-road.ts';
import { openQuicRelay } from '../support/quic-relay.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { until, within } from '../support/wait.ts';

const MB = 1024 * 1024;
const STREAMS = 4;
/** On each stream by WebSocket; those by QUIC have more than they get to send. */
const BULK_BYTES = 8 * MB;

/** Whether a stream comes to its end. */
async function echoes({ consumer }: StayingConsumer): Promise<boolean> {
  try {
    const end = echoOn(consumer, 'echo');
    await end.push(ECHO_SEED, MB);
    await end.ended();
    return end.received === MB;
  } catch {
    return false;
  }
}

describe('the process for QUIC, with bulk streams over QUIC and over WebSocket', () => {
  for (const [signal, how] of [
    ['SIGSEGV', 'crashes'],
    ['SIGSTOP', 'hangs'],
  ] as const)
    test(`it ${how}: WebSocket loses nothing, and QUIC is back`, async (t) => {
      const { server, agent, consumer } = await openQuicRoad(t);
      const echo = await startEcho(t);
      const running = agent('websocket', [service('echo', echo.address)]);
      await running.ready();
      const beside = consumer('websocket');
      const quic = consumer('quic');
      await until('both are attached', () => beside.attachments() + quic.attachments() === 2);
      const kept = Array.from({ length: STREAMS }, () => echoOn(beside.consumer, 'echo'));
      const lost = Array.from({ length: STREAMS }, () => echoOn(quic.consumer, 'echo'));
      const pushes = kept.map((end) => end.push(ECHO_SEED, BULK_BYTES));
      for (const end of lost) end.push(ECHO_SEED, 1024 * MB).catch(() => {});
      await Promise.all([...kept, ...lost].map((end) => end.has(MB)));
      const before = server.quicPid!;
      const began = performance.now();
      process.kill(before, signal);
      await until('another process is there', () => ![before, undefined].includes(server.quicPid));
      const replaced = performance.now() - began;
      assert.ok(replaced < 2_000, `replaced after ${replaced.toFixed(0)} ms`);
      await until('the client is back', () => quic.attachments() > 1);
      const back = performance.now() - began;
      t.diagnostic(`replaced ${replaced.toFixed(0)} ms, back ${back.toFixed(0)} ms after`);
      for (const end of lost) await end.broken();
      // Not by silence: the next process says that it does not know the connection.
      assert.deepEqual([...new Set(quic.losses)], ['LINK_LOST']);
      // A machine that is very busy may have the next one replaced as well.
      await until('streams by QUIC work', () => echoes(quic));
      await Promise.all(pushes);
      await Promise.all(kept.map((end) => end.ended()));
      assert.ok(kept.every(({ received }) => received === BULK_BYTES));
      assert.deepEqual([beside.losses, running.losses], [[], []]);
    });
});

test('datagrams that stop coming through in the midst of a session: WebSocket within 5 s', async (t) => {
  const { server, agent, consumer } = await openQuicRoad(t);
  const echo = await startEcho(t);
  const running = agent('quic', [service('echo', echo.address)]);
  await running.ready();
  const relay = await openQuicRelay(t, server.quicAddress!.port);
  const { port } = relay;
  const client = consumer('auto', 5_000, port);
  await until('it is attached', () => client.attachments() === 1);
  assert.deepEqual(client.chosen, []);
  const end = echoOn(client.consumer, 'echo');
  end.push(ECHO_SEED, 1024 * MB).catch(() => {});
  await end.has(MB);
  relay.cut();
  const took = await until('it is attached again', () => client.attachments() === 2);
  assert.deepEqual(client.chosen, ['websocket']);
  t.diagnostic(`attached again after ${took.toFixed(0)} ms`);
  assert.ok(took < 5_000, `${took.toFixed(0)} ms`);
  assert.equal((await within(1_000, end.broken())).code, 'HEARTBEAT_LOST');
  assert.ok(await echoes(client));
  assert.deepEqual(running.losses, []);
});
