import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { openGate } from '../../test/support/gate.ts';
import { PlayedStream } from '../../test/support/http-ingress.ts';
import type { Identity } from '../access/identity.ts';
import type { Quota } from '../access/quota.ts';
import { createQuotas } from '../access/quotas.ts';
import { SallyportError } from '../errors.ts';
import { createEventLog } from '../events/log.ts';
import { HEADROOM, Slab } from '../net/slab.ts';
import type { StreamEnd } from '../session/session.ts';
import { until } from '../../test/support/wait.ts';
import { createLiveStreams } from './live-streams.ts';
import type { Upstream, UpstreamReceiver } from './upstream.ts';

class Opened extends PlayedStream {
  override onOver: ((end: StreamEnd) => void) | null = null;

  override reset(why?: SallyportError): void {
    super.reset();
    this.onOver?.(why ?? 'closed');
  }
}

function open(t: TestContext, quota: Quota) {
  const quotas = createQuotas({ ofIdentity: () => null, ofService: () => quota });
  t.after(() => quotas.close());
  const opened: Opened[] = [];
  const told: string[] = [];
  let failure: SallyportError | null = null;
  const events = createEventLog();
  events.listen((event) => void told.push(`${event.type} ${'code' in event ? event.code : ''}`));
  const live = createLiveStreams();
  const upstream = { id: 's1', streams: 0 } as Upstream;
  const registry = {
    open(request: never, receiver: UpstreamReceiver) {
      if (failure !== null) throw failure;
      const stream = new Opened(request, receiver, () => {});
      opened.push(stream);
      return { stream, upstream };
    },
  };
  const gate = openGate(registry, { quotas, events, live });
  let received = 0;
  let count = 0;
  const receiver: UpstreamReceiver = {
    data: (_slab, start, end) => void (received += end - start),
    finished() {},
    reset: ({ code }) => void told.push(`reset ${code}`),
    drained: () => void told.push('drained'),
  };
  return {
    opened,
    told,
    live,
    received: () => received,
    fail: (error: SallyportError | null) => void (failure = error),
    open: (caller: null | Promise<Identity | null> = null) =>
      gate.open(
        { service: 'web', kind: 'tcp', consumer: '192.0.2.1:1', id: `r${++count}` },
        receiver,
        { caller },
      ),
  };
}

test('a stream holds its place until it is over', (t) => {
  const { open: ask, told } = open(t, { streams: 2 });
  const first = ask();
  ask();
  assert.throws(ask, { code: 'LIMIT_REACHED', message: 'service "web": its limit is 2 streams' });
  assert.equal(told.at(-1), 'stream.refused LIMIT_REACHED');
  assert.equal(first.keepable, false);
  first.stream.reset();
  assert.equal(ask().stream.over, false);
});

test('a stream that no upstream took holds no place', (t) => {
  const { open: ask, fail } = open(t, { streams: 1 });
  fail(new SallyportError('SERVICE_UNKNOWN', 'service web: not registered'));
  for (let times = 0; times < 3; times++) assert.throws(ask, { code: 'SERVICE_UNKNOWN' });
  fail(null);
  assert.equal(ask().upstream?.id, 's1');
});

test('a stream whose caller is found out later takes its place then', async (t) => {
  const { open: ask, opened, told } = open(t, { streams: 1 });
  ask(Promise.resolve(null));
  ask(Promise.resolve(null));
  await until('one of them is refused', () => told.includes('reset LIMIT_REACHED'));
  assert.equal(opened.length, 1);
  opened[0].reset();
  assert.ok(ask());
});

test('a rate slows the stream down both ways, and is no reason not to keep it', async (t) => {
  const { open: ask, opened, received, live } = open(t, { up: 40_000, down: 40_000 });
  const { stream, keepable } = ask();
  assert.equal(keepable, true);
  stream.send(Buffer.alloc(20_000));
  const [inner] = opened;
  assert.deepEqual([inner.bytesTaken, stream.writable], [10_000, false]);
  const bytes = new Slab(Buffer.alloc(HEADROOM + 20_000), null);
  inner.receiver.data(bytes, HEADROOM, HEADROOM + 20_000);
  assert.equal(received(), 10_000);
  await until('all has passed', () => inner.bytesTaken === 20_000 && received() === 20_000);
  assert.equal(live.count, 1);
  stream.reset();
  assert.deepEqual([live.count, inner.wasReset], [0, true]);
});

test('without a limit the stream is that of the upstream itself', (t) => {
  const { open: ask, opened } = open(t, {});
  assert.equal(ask().stream, opened[0]);
});
