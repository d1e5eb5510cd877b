import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { connectLinks } from '../../../test/support/links.ts';
import { Pattern } from '../../../test/support/pattern.ts';
import { until } from '../../../test/support/wait.ts';
import type { SallyportError } from '../../errors.ts';
import { HUBBLE_STALL_MS, HUBBLE_UNTAKEN_MAX_BYTES, PEER_STREAMS_MAX } from '../../limits.ts';
import type { Slab } from '../../net/slab.ts';
import type { UpstreamReceiver } from '../../registry/upstream.ts';
import type { WebSocketLink } from '../../transport/websocket/link.ts';
import { packHandshake, packInitiator, packWelcome, type Initiator } from './messages.ts';
import { HubbleMux } from './mux.ts';
import type { HubbleStream } from './stream.ts';

const KB = 1024;

/** Notes what it hears; takes what comes unless told to hold on to it. */
class Ear implements UpstreamReceiver {
  stream!: HubbleStream;
  greedy = true;
  bytes = 0;
  text = '';
  finishedAt = 0;
  error: SallyportError | null = null;
  accepts = 0;
  drains = 0;
  wrong = false;
  readonly pattern: Pattern | null;

  constructor(pattern: Pattern | null = null) {
    this.pattern = pattern;
  }

  data(slab: Slab, start: number, end: number): void {
    if (this.pattern === null) this.text += slab.bytes.toString('latin1', start, end);
    else this.wrong ||= !this.pattern.holds(slab.bytes, start, end, this.bytes);
    this.bytes += end - start;
    if (this.greedy) this.stream.credit(end - start);
  }

  accepted(): void {
    this.accepts++;
  }

  finished(): void {
    this.finishedAt = this.bytes + 1;
  }

  reset(error: SallyportError): void {
    this.error = error;
  }

  drained(): void {
    this.drains++;
  }
}

interface Ends {
  readonly agent: HubbleMux;
  readonly proxy: HubbleMux;
  /** Sessions that the other end asked for, answered as `answer` says. */
  readonly asked: Ear[];
  answer(ear: Ear, initiator: Initiator): void;
  readonly ended: (SallyportError | null)[];
}

/** An agent and a proxy that have shaken hands. `both`: whether each knows that the other is of ours. */
async function connect(t: TestContext, both = true): Promise<Ends> {
  const { dialled, accepted } = await connectLinks(t, 'onread', 'random');
  const ended: (SallyportError | null)[] = [];
  let welcome = false;
  const asked = (mux: () => HubbleMux) => (initiator: Initiator) => {
    const ear = new Ear();
    ear.stream = mux().accept(initiator, ear);
    ends.asked.push(ear);
    ends.answer(ear, initiator);
  };
  const closed = (error: SallyportError | null): void => void ended.push(error);
  const proxy: HubbleMux = new HubbleMux(accepted as WebSocketLink, false, {
    greeted: () => proxy.send(packWelcome(null, both)),
    asked: asked(() => proxy),
    closed,
  });
  const agent: HubbleMux = new HubbleMux(dialled as WebSocketLink, true, {
    greeted: () => (welcome = true),
    asked: asked(() => agent),
    closed,
  });
  agent.knowsEnd = proxy.knowsEnd = both;
  const ends: Ends = { agent, proxy, asked: [], answer: (ear) => ear.stream.answer(null), ended };
  agent.send(packHandshake('agent', ''));
  await until('both have shaken hands', () => welcome);
  return ends;
}

function open(mux: HubbleMux, guid: string, ear = new Ear()): Ear {
  const bytes = packInitiator({ guid, gatename: 'g', key: '', host: 'h', port: 1 });
  ear.stream = mux.open(guid, bytes, ear);
  return ear;
}

const accepted = (ear: Ear): Promise<unknown> => until('accepted', () => ear.accepts === 1);

test('bytes written before the far end has acknowledged follow the acknowledgement', async (t) => {
  for (const both of [true, false]) {
    const ends = await connect(t, both);
    const answers: (() => void)[] = [];
    ends.answer = (ear) => void answers.push(() => ear.stream.answer(null));
    const ear = open(ends.proxy, 'a');
    assert.equal(ear.stream.writable, false);
    ear.stream.send(Buffer.from('first'));
    await until('it is asked', () => answers.length === 1);
    assert.equal(ends.asked[0].text, '');
    answers[0]();
    await until('the bytes are there', () => ends.asked[0].text === 'first');
    assert.deepEqual([ear.accepts, ear.drains], [1, 1]);
  }
});

test('an original is not sent data in the moment after its acknowledgement, one of ours is', async (t) => {
  for (const both of [true, false]) {
    const ends = await connect(t, both);
    const ear = open(ends.proxy, 'a');
    await accepted(ear);
    assert.equal(ear.stream.writable, both);
    await until('it is writable', () => ear.stream.writable);
  }
});

test('between ends of ours one direction ends and the other goes on', async (t) => {
  const ends = await connect(t);
  const ear = open(ends.agent, 'a');
  await accepted(ear);
  ear.stream.send(Buffer.from('question'));
  ear.stream.end();
  const [far] = ends.asked;
  await until('the end is heard', () => far.finishedAt > 0);
  assert.deepEqual([far.text, ear.stream.over], ['question', false]);
  far.stream.send(Buffer.from('answer'));
  far.stream.end();
  await until('the answer is there', () => ear.finishedAt > 0);
  assert.deepEqual([ear.text, ear.stream.over, far.stream.over], ['answer', true, true]);
  assert.deepEqual([ends.agent.streams, ends.proxy.streams], [0, 0]);
});

test('a session that is broken off is told so, in both directions', async (t) => {
  const ends = await connect(t);
  const ear = open(ends.agent, 'a');
  await accepted(ear);
  ear.stream.reset();
  await until('the break is heard', () => ends.asked[0].error !== null);
  assert.equal(ends.asked[0].error!.code, 'STREAM_RESET');
  const other = open(ends.agent, 'b');
  await accepted(other);
  ends.asked[1].stream.reset();
  await until('the break is heard', () => other.error !== null);
  assert.deepEqual([ends.agent.streams, ends.proxy.streams], [0, 0]);
});

test('megabytes arrive whole in both directions at once, in sessions of one link', async (t) => {
  const ends = await connect(t);
  const total = 4 * 1024 * KB;
  const pattern = new Pattern(7);
  ends.answer = (far) => {
    far.stream.receiver = new Ear(pattern);
    (far.stream.receiver as Ear).stream = far.stream;
    far.stream.answer(null);
  };
  const ears = ['a', 'b', 'c'].map((guid) => open(ends.agent, guid));
  await Promise.all(ears.map(accepted));
  await until('each is writable', () => ears.every(({ stream }) => stream.writable));
  const piece = 100 * KB;
  for (const { stream } of ears)
    for (let at = 0; at < total; at += piece)
      stream.send(pattern.bytes(at, Math.min(piece, total - at)));
  const far = ends.asked.map(({ stream }) => stream.receiver as Ear);
  await until('all of it is there', () => far.every(({ bytes }) => bytes === total), 30_000);
  assert.deepEqual(
    far.map(({ wrong }) => wrong),
    [false, false, false],
  );
});

test('a reader that stalls disturbs no other for a while, then holds the link up, then loses its session', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const ends = await connect(t);
  ends.answer = (far) => {
    far.greedy = ends.asked.length > 1;
    far.stream.answer(null);
  };
  const stalled = open(ends.agent, 'stalled');
  await accepted(stalled);
  const lively = open(ends.agent, 'lively');
  await accepted(lively);
  const chunk = Buffer.alloc(64 * KB);
  const [stalledFar, livelyFar] = ends.asked;

  for (let sent = 0; sent < HUBBLE_UNTAKEN_MAX_BYTES; sent += chunk.length)
    stalled.stream.send(chunk);
  lively.stream.send(chunk);
  await until('the other is not held up', () => livelyFar.bytes === chunk.length);
  assert.equal(stalledFar.bytes, HUBBLE_UNTAKEN_MAX_BYTES);

  for (let sent = 0; sent < 2 * HUBBLE_UNTAKEN_MAX_BYTES; sent += chunk.length)
    stalled.stream.send(chunk);
  lively.stream.send(chunk);
  await until('the link waits', () => ends.agent.link.backlog > 0 && !lively.stream.writable);
  assert.ok(stalledFar.bytes < HUBBLE_UNTAKEN_MAX_BYTES + 1024 * KB, `${stalledFar.bytes}`);

  t.mock.timers.tick(HUBBLE_STALL_MS);
  await until('the other goes on', () => livelyFar.bytes === 2 * chunk.length);
  assert.match(stalledFar.error!.message, /took nothing/);
  await until('the far end has heard of it', () => stalled.error !== null);
  assert.equal(lively.error, null);
});

test('a reader that is slow, but takes, keeps its session', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const ends = await connect(t);
  ends.answer = (far) => {
    far.greedy = false;
    far.stream.answer(null);
  };
  const slow = open(ends.agent, 'slow');
  await accepted(slow);
  const [far] = ends.asked;
  const total = 3 * HUBBLE_UNTAKEN_MAX_BYTES;
  const chunk = Buffer.alloc(64 * KB);
  for (let sent = 0; sent < total; sent += chunk.length) slow.stream.send(chunk);
  await until('the link waits', () => far.bytes > HUBBLE_UNTAKEN_MAX_BYTES);
  for (let i = 0; i < 3; i++) {
    far.stream.credit(1);
    t.mock.timers.tick(HUBBLE_STALL_MS);
  }
  assert.equal(far.error, null);
  far.greedy = true;
  far.stream.credit(far.stream.untaken);
  await until('the rest comes', () => far.bytes === total);
});

test('a wrong order ends that session and no other, with a named error on both ends', async (t) => {
  for (const order of [0, 2, 3]) {
    const ends = await connect(t);
    const bad = open(ends.agent, 'bad');
    const good = open(ends.agent, 'good');
    await Promise.all([accepted(bad), accepted(good)]);
    ends.agent.sendData('bad', order - 1, Buffer.from('x'));
    await until('it is refused', () => ends.asked[0].error !== null);
    assert.equal(ends.asked[0].error!.code, 'PROTOCOL_MESSAGE');
    await until('the sender hears of it', () => bad.error !== null);
    good.stream.send(Buffer.from('still here'));
    await until('the other goes on', () => ends.asked[1].text === 'still here');
    assert.deepEqual([ends.agent.streams, ends.proxy.streams], [1, 1]);
  }
});

test('data before the acknowledgement ends the session; messages of unknown sessions are passed over', async (t) => {
  const ends = await connect(t);
  ends.answer = () => {};
  const early = open(ends.proxy, 'early');
  await until('it is asked', () => ends.asked.length === 1);
  ends.agent.sendData('early', 0, Buffer.from('x'));
  await until('it is refused', () => early.error !== null);
  assert.equal(early.error!.code, 'PROTOCOL_MESSAGE');
  ends.agent.sendData('nobody', 7, Buffer.from('x'));
  ends.agent.sendAck('nobody', null);
  ends.agent.sendEnd('nobody', 'whole');
  ends.proxy.sendEnd('nobody', 'reset');
  ends.answer = (ear) => ear.stream.answer(null);
  await accepted(open(ends.proxy, 'later'));
  assert.deepEqual(ends.ended, []);
});

test('an id that is taken is refused, and its session unharmed; so is one session too many', async (t) => {
  const ends = await connect(t);
  const first = open(ends.agent, 'a');
  await accepted(first);
  const twin = packInitiator({ guid: 'a', gatename: 'g', key: '', host: 'h', port: 1 });
  ends.agent.send(twin);
  ends.agent.send(packInitiator({ guid: 'b', gatename: 'g', key: '', host: 'h', port: 1 }));
  await until('the other is asked for', () => ends.asked.length === 2);
  first.stream.send(Buffer.from('unharmed'));
  await until('it goes on', () => ends.asked[0].text === 'unharmed');
  for (let i = ends.agent.streams; i < PEER_STREAMS_MAX; i++) open(ends.agent, `s${i}`);
  assert.throws(() => open(ends.agent, 'one more'), /16384 sessions are open/);
});

test('a link that ends breaks every session off', async (t) => {
  const ends = await connect(t);
  const ears = ['a', 'b'].map((guid) => open(ends.agent, guid));
  await Promise.all(ears.map(accepted));
  ends.proxy.close(null);
  await until('both ends know', () => ends.ended.length === 2);
  for (const ear of [...ears, ...ends.asked]) assert.equal(ear.error?.code, 'SESSION_CLOSED');
  assert.throws(() => open(ends.agent, 'c'), { code: 'SESSION_CLOSED' });
  ears[0].stream.send(Buffer.from('too late'));
  ears[0].stream.reset();
});
