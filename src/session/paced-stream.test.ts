import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { SallyportError } from '../errors.ts';
import { PACE_TICK_MS } from '../limits.ts';
import { HEADROOM, Slab } from '../net/slab.ts';
import { ByteRate, PaceClock } from './pace.ts';
import { PacedStream } from './paced-stream.ts';
import type { Stream, StreamEnd } from './session.ts';

const KB = 1_024;
const RATE = 100 * KB;
const BURST = 25 * KB;

/** A paced stream between a receiver and an inner stream, both of which write down what they hear. */
function open(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = 0;
  const clock = new PaceClock(() => now);
  t.after(() => clock.close());
  const heard: string[] = [];
  const told: string[] = [];
  const inner = {
    id: 7,
    receiver: null as never,
    writable: true,
    over: false as boolean,
    bytesSent: 0,
    bytesReceived: 0,
    onOver: null as ((end: StreamEnd) => void) | null,
    write(_slab: Slab, start: number, end: number) {
      inner.bytesSent += end - start;
    },
    send: (bytes: Buffer) => void (inner.bytesSent += bytes.length),
    end: () => void told.push(`end at ${inner.bytesSent}`),
    reset(why?: SallyportError) {
      told.push('reset');
      inner.onOver?.(why ?? 'closed');
    },
    credit: (n: number) => void told.push(`credit ${n}`),
  } satisfies Stream;
  let received = 0;
  const receiver = {
    accepted: () => void heard.push('accepted'),
    data: (_slab: Slab, start: number, end: number) => void (received += end - start),
    finished: () => void heard.push(`finished at ${received}`),
    reset: (error: SallyportError) => void heard.push(`reset ${error.code}`),
    drained: () => void heard.push('drained'),
  };
  const rates = { up: [new ByteRate(clock, RATE)], down: [new ByteRate(clock, RATE)] };
  const paced = new PacedStream(receiver, rates).join(inner);
  paced.onOver = (end) => heard.push(`over ${typeof end === 'string' ? end : end.code}`);
  const { incoming } = paced;
  return {
    paced,
    inner,
    heard,
    told,
    incoming,
    arrive: (bytes: number) => incoming.data(slabOf(bytes), HEADROOM, HEADROOM + bytes),
    write: (bytes: number) => paced.write(slabOf(bytes), HEADROOM, HEADROOM + bytes),
    received: () => received,
    pass(ms: number) {
      for (let gone = 0; gone < ms; gone += PACE_TICK_MS) {
        now += PACE_TICK_MS;
        t.mock.timers.tick(PACE_TICK_MS);
      }
    },
  };
}

const slabOf = (bytes: number): Slab => new Slab(Buffer.alloc(HEADROOM + bytes), null);

test('a writer stops when the rate is used up, and goes on when it has sent', (t) => {
  const { paced, inner, heard, write, pass } = open(t);
  write(BURST);
  assert.equal(paced.writable, true);
  write(BURST);
  assert.deepEqual([paced.writable, inner.bytesSent], [false, BURST]);
  paced.incoming.drained();
  assert.deepEqual(heard, [], 'what is held comes first');
  pass(300);
  assert.deepEqual([paced.writable, inner.bytesSent, heard], [true, 2 * BURST, ['drained']]);
  paced.incoming.drained();
  assert.equal(heard.length, 2);
});

test('the end of a direction stays behind its bytes', (t) => {
  const { paced, inner, told, heard, incoming, arrive, pass } = open(t);
  paced.send(Buffer.alloc(2 * BURST));
  paced.end();
  paced.end();
  paced.send(Buffer.alloc(5));
  arrive(2 * BURST);
  incoming.finished();
  assert.deepEqual([told, heard], [[], []]);
  pass(300);
  assert.deepEqual(told, [`end at ${2 * BURST}`]);
  assert.deepEqual(heard, [`finished at ${2 * BURST}`]);
  assert.equal(inner.bytesSent, 2 * BURST);
});

test('it is over when everything is delivered, in order', (t) => {
  const { paced, inner, heard, incoming, arrive, pass, received } = open(t);
  incoming.accepted();
  arrive(3 * BURST);
  inner.onOver?.('ok');
  incoming.finished();
  assert.deepEqual([paced.over, received()], [false, BURST]);
  pass(600);
  assert.deepEqual(heard, ['accepted', `finished at ${3 * BURST}`, 'over ok']);
  assert.equal(paced.over, true);
});

test('an error ends it at once, with what is held', (t) => {
  const { paced, inner, heard, incoming, arrive, pass, received } = open(t);
  arrive(3 * BURST);
  paced.send(Buffer.alloc(3 * BURST));
  const error = new SallyportError('STREAM_RESET', 'stream: reset');
  inner.onOver?.(error);
  incoming.reset(error);
  pass(600);
  assert.deepEqual(heard, ['over STREAM_RESET', 'reset STREAM_RESET']);
  assert.deepEqual([received(), inner.bytesSent], [BURST, BURST]);
});

test('reset ends both directions, once', (t) => {
  const { paced, told, heard, arrive, pass, received } = open(t);
  arrive(3 * BURST);
  paced.reset(new SallyportError('DENIED', 'stream: enough'));
  paced.reset();
  paced.end();
  pass(600);
  assert.deepEqual([told, heard, received()], [['reset'], ['over DENIED'], BURST]);
});

test('reset while the last bytes wait behind an end in order', (t) => {
  const { paced, inner, heard, arrive, pass } = open(t);
  arrive(3 * BURST);
  inner.onOver?.('ok');
  inner.over = true;
  paced.reset();
  pass(600);
  assert.deepEqual(heard, ['over closed']);
});

test('credit reaches the sender for what was delivered, never for what is held', (t) => {
  const { paced, told, arrive, received } = open(t);
  arrive(2 * BURST);
  paced.credit(received());
  assert.deepEqual(told, [`credit ${BURST}`]);
});
