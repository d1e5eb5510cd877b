import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { makeSessions, REPLY_SEED, type SessionPair } from '../../test/conformance/session-pair.ts';
import { Endpoint } from '../../test/support/endpoint.ts';
import { yamuxOver } from '../../test/support/sessions.ts';
import { until } from '../../test/support/wait.ts';
import { SallyportError } from '../errors.ts';
import { INITIAL_WINDOW_BYTES } from '../limits.ts';
import { Relay } from './relay.ts';
import type { Stream, StreamReceiver } from './session.ts';

const MB = 1024 * 1024;

interface Ends {
  consumer: SessionPair;
  agent: SessionPair;
  /** What the relays reported, in order. */
  events: string[];
}

/**
 * consumer.near - consumer.far | relay | agent.near - agent.far. `taken` decides when the agent's
 * stream counts as accepted.
 */
async function startRelays(t: TestContext, taken = true): Promise<Ends> {
  const consumer = await makeSessions(t, yamuxOver('onread', 'random'));
  const agent = await makeSessions(t, yamuxOver('onread', 'zero'));
  const events: string[] = [];
  consumer.far.accept = (stream: Stream): StreamReceiver => {
    const relay = new Relay(stream, {
      accepted: () => void events.push('accepted'),
      refused(error) {
        events.push(`refused ${error.code}`);
        stream.end();
      },
      over: (_, error) => void events.push(`over ${error === null ? 'in order' : error.code}`),
    });
    relay.join(agent.near.session.open(relay.down));
    if (taken) relay.down.accepted();
    return relay.up;
  };
  return { consumer, agent, events };
}

async function nothingHeld({ consumer, agent }: Ends): Promise<void> {
  for (const { near, far } of [consumer, agent]) {
    await until('no stream is left', () => near.session.streams + far.session.streams === 0);
    near.session.close(null);
  }
  await consumer.slabsBack();
  await agent.slabsBack();
}

test('bytes pass both ways at once and exact, and both halves end in order', async (t) => {
  const ends = await startRelays(t);
  const here = ends.consumer.near.open();
  ends.agent.far.onStream = () => new Endpoint(7);
  const pushed = here.push(7, 8 * MB);
  const there = await ends.agent.far.at(1);
  await Promise.all([pushed, there.push(REPLY_SEED, 8 * MB)]);
  await Promise.all([here.ended(), there.ended()]);
  assert.deepEqual([here.received, there.received], [8 * MB, 8 * MB]);
  assert.deepEqual(ends.events, ['accepted', 'over in order']);
  await nothingHeld(ends);
});

test('half-close passes on, the late answer too', async (t) => {
  const ends = await startRelays(t);
  const here = ends.consumer.near.open();
  here.stream.end();
  const there = await ends.agent.far.at(1);
  await there.ended();
  await there.push(REPLY_SEED, 100_000);
  await here.ended();
  assert.equal(here.received, 100_000);
  assert.equal(ends.events.at(-1), 'over in order');
});

test('back-pressure passes through: a reader that credits nothing stops the writer behind the relay', async (t) => {
  const ends = await startRelays(t);
  ends.agent.far.onStream = () => new Endpoint(7, false);
  const here = ends.consumer.near.open();
  const pushed = here.push(7, 4 * MB);
  const there = await ends.agent.far.at(1);
  await there.has(INITIAL_WINDOW_BYTES);
  await until('the writer is stopped', () => !here.stream.writable);
  assert.equal(there.received, INITIAL_WINDOW_BYTES);
  const other = ends.consumer.near.open();
  ends.agent.far.onStream = () => new Endpoint(9);
  await other.push(9, MB);
  await (await ends.agent.far.at(3)).has(MB);
  there.crediting = true;
  there.pay();
  await pushed;
  await there.ended();
  assert.equal(there.received, 4 * MB);
});

test('a reset on one side resets the other', async (t) => {
  const ends = await startRelays(t);
  const first = ends.consumer.near.open();
  const there = await ends.agent.far.at(1);
  first.stream.reset();
  await there.broken();
  const second = ends.consumer.near.open();
  const other = await ends.agent.far.at(3);
  other.stream.reset();
  await second.broken();
  const over = 'over STREAM_RESET';
  assert.deepEqual(ends.events, ['accepted', over, 'accepted', over]);
  await nothingHeld(ends);
});

test('the end of the agent before it took the stream leaves the consumer open for the answer', async (t) => {
  const ends = await startRelays(t, false);
  const here = ends.consumer.near.open();
  await ends.agent.far.at(1);
  ends.agent.far.session.close(new SallyportError('SERVER_DRAINING', 'session: going away'));
  await here.ended();
  assert.deepEqual(here.calls, ['finished']);
  assert.deepEqual(ends.events, ['refused SERVER_DRAINING', 'over SERVER_DRAINING']);
});

test('the end of the consumer session frees the agent', async (t) => {
  const ends = await startRelays(t);
  ends.consumer.near.open();
  const there = await ends.agent.far.at(1);
  ends.consumer.cut();
  await there.broken();
  await until('it is over', () => ends.events.length === 2);
  assert.deepEqual(ends.events, ['accepted', 'over LINK_LOST']);
});
