import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SallyportError } from '../../errors.ts';
import {
  CALLBACK_UNTAKEN_MAX,
  CALLBACK_WAITING_MAX,
  STREAM_ANSWER_TIMEOUT_MS,
} from '../../limits.ts';
import { Slab } from '../../net/slab.ts';
import type { StreamRequest } from '../../registry/upstream.ts';
import type { Session, Stream, StreamEnd, StreamReceiver } from '../../session/session.ts';
import { CallbackUpstream } from './upstream.ts';

const request: StreamRequest = { service: 'box', kind: 'tcp', consumer: '-', id: '1' };
const slab = new Slab(Buffer.from('bytes'), null);

/** A session whose other end is played by hand. */
function makeSession() {
  const streams: (Stream & { over: boolean })[] = [];
  const session: Partial<Session> = {
    get streams() {
      return streams.filter(({ over }) => !over).length;
    },
    open(receiver: StreamReceiver): Stream {
      const stream = {
        id: streams.length,
        receiver,
        over: false,
        writable: true,
        bytesSent: 0,
        bytesReceived: 0,
        onOver: null as ((end: StreamEnd) => void) | null,
        write() {},
        send() {},
        end() {},
        credit() {},
        reset() {
          stream.over = true;
          stream.onOver?.('closed');
        },
      };
      streams.push(stream);
      return stream;
    },
  };
  return { session: session as Session, streams };
}

function makeReceiver() {
  const told: string[] = [];
  return {
    told,
    accepted: () => void told.push('accepted'),
    data: (_: Slab, start: number, end: number) => void told.push(`${end - start} bytes`),
    finished: () => void told.push('finished'),
    reset: (error: SallyportError) => void told.push(error.code),
    drained: () => void told.push('drained'),
  };
}

test('nothing is delivered before the stream counts as taken: by an acknowledgement, bytes or its end', () => {
  const { session, streams } = makeSession();
  const upstream = new CallbackUpstream('u', session);
  const [one, two, three] = [makeReceiver(), makeReceiver(), makeReceiver()];
  for (const receiver of [one, two, three]) upstream.open(request, receiver);
  assert.deepEqual([one.told, two.told, three.told], [[], [], []]);
  streams[0].receiver.acknowledged!();
  streams[0].receiver.data(slab, 0, 5);
  streams[1].receiver.data(slab, 0, 5);
  streams[2].receiver.finished();
  assert.deepEqual(one.told, ['accepted', '5 bytes']);
  assert.deepEqual(two.told, ['accepted', '5 bytes']);
  assert.deepEqual(three.told, ['accepted', 'finished']);
});

test('no more streams are opened than the other end has room for; the others wait their turn', () => {
  const { session, streams } = makeSession();
  const upstream = new CallbackUpstream('u', session);
  const receivers = Array.from({ length: CALLBACK_UNTAKEN_MAX + 2 }, makeReceiver);
  const opened = receivers.map((receiver) => upstream.open(request, receiver));
  assert.equal(streams.length, CALLBACK_UNTAKEN_MAX);
  assert.equal(upstream.streams, CALLBACK_UNTAKEN_MAX + 2);
  opened.at(-2)!.reset(); // it has left the queue
  streams[0].receiver.acknowledged!();
  assert.equal(streams.length, CALLBACK_UNTAKEN_MAX + 1);
  streams.at(-1)!.receiver.acknowledged!();
  assert.deepEqual(receivers.at(-1)!.told.includes('accepted'), true);
  assert.deepEqual(receivers.at(-2)!.told, []);
});

test('the queue has an end', () => {
  const { session } = makeSession();
  const upstream = new CallbackUpstream('u', session);
  for (let n = 0; n < CALLBACK_UNTAKEN_MAX + CALLBACK_WAITING_MAX; n++)
    upstream.open(request, makeReceiver());
  assert.throws(() => upstream.open(request, makeReceiver()), { code: 'SERVER_BUSY' });
});

test('a stream that is never taken is given up, and its place is free', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { session, streams } = makeSession();
  const upstream = new CallbackUpstream('u', session);
  const receivers = Array.from({ length: CALLBACK_UNTAKEN_MAX + 1 }, makeReceiver);
  const opened = receivers.map((receiver) => upstream.open(request, receiver));
  opened[1].reset(); // its opener has left, which the other end does not notice before it takes it
  assert.equal(streams.length, CALLBACK_UNTAKEN_MAX);
  t.mock.timers.tick(STREAM_ANSWER_TIMEOUT_MS);
  assert.deepEqual(receivers[0].told, ['RESPONSE_TIMEOUT']);
  assert.deepEqual(receivers[1].told, []);
  assert.equal(streams.length, CALLBACK_UNTAKEN_MAX + 1);
});

test('when the session is gone, those who wait are refused', () => {
  const { session, streams } = makeSession();
  const upstream = new CallbackUpstream('u', session);
  const receivers = Array.from({ length: CALLBACK_UNTAKEN_MAX + 1 }, makeReceiver);
  for (const receiver of receivers) upstream.open(request, receiver);
  const lost = new SallyportError('LINK_LOST', 'link: gone');
  session.open = () => {
    throw new SallyportError('SESSION_CLOSED', 'stream: no more');
  };
  for (const { receiver } of streams) receiver.reset(lost);
  assert.deepEqual(receivers[0].told, ['LINK_LOST']);
  assert.deepEqual(receivers.at(-1)!.told, ['SESSION_CLOSED']);
});

test('its target is its own', () => {
  const upstream = new CallbackUpstream('u', makeSession().session);
  const chosen = { ...request, target: '10.0.0.1:22' };
  assert.throws(() => upstream.open(chosen, makeReceiver()), { code: 'TARGET_DENIED' });
});
