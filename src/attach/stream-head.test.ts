import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { makeSessions, REPLY_SEED, type SessionPair } from '../../test/conformance/session-pair.ts';
import { Endpoint } from '../../test/support/endpoint.ts';
import { yamuxOver } from '../../test/support/sessions.ts';
import { until } from '../../test/support/wait.ts';
import { SallyportError } from '../errors.ts';
import { STREAM_ANSWER_TIMEOUT_MS } from '../limits.ts';
import type { StreamRequest } from '../registry/upstream.ts';
import type { Stream, StreamReceiver } from '../session/session.ts';
import { encodeMessage, MessageReader } from './message-reader.ts';
import { acceptStream, openStream, readStreamHead, refuseStream } from './stream-head.ts';

const request: StreamRequest = {
  service: 'web',
  kind: 'tcp',
  consumer: '192.0.2.1:50000',
  id: 'abc',
};

/** The acceptor: reads the head, and lets `decide` answer it. */
function answering(
  pair: SessionPair,
  decide: (stream: Stream, head: StreamRequest) => StreamReceiver | null,
): void {
  pair.far.accept = (stream) => {
    const handler = {
      message: (value: unknown) => decide(stream, readStreamHead(value)),
      broken: () => stream.reset(),
      finished() {},
      reset() {},
      drained() {},
    };
    return new MessageReader(stream, handler);
  };
}

/** The opener's receiver: what it is told, in order, and the pattern of answers. */
class Opener extends Endpoint {
  readonly told: string[] = [];

  accepted(): void {
    this.told.push('accepted');
  }

  override reset(error: SallyportError): void {
    this.told.push(`${error.code}: ${error.message}`);
    super.reset(error);
  }
}

const connect = (t: TestContext) => makeSessions(t, yamuxOver('onread', 'zero'));

test('nobody waits: bytes follow the head, and answers follow the acceptance', async (t) => {
  const pair = await connect(t);
  const there = new Endpoint(7);
  const heads: StreamRequest[] = [];
  answering(pair, (stream, head) => {
    heads.push(head);
    there.stream = stream;
    acceptStream(stream);
    void there.push(REPLY_SEED, 300_000);
    return there;
  });
  const here = new Opener(REPLY_SEED);
  here.stream = openStream(pair.near.session, { ...request, target: 'db:5432' }, here);
  await here.push(7, 400_000);
  await Promise.all([here.ended(), there.ended()]);
  assert.deepEqual(heads, [{ ...request, target: 'db:5432' }]);
  assert.deepEqual([here.received, there.received, here.told], [300_000, 400_000, ['accepted']]);
});

test('a refusal arrives as a reset with the error that was named, and nothing before it', async (t) => {
  const pair = await connect(t);
  answering(pair, (stream) => {
    refuseStream(stream, new SallyportError('TARGET_REFUSED', 'target db:5432: refused'));
    return null;
  });
  const here = new Opener(REPLY_SEED);
  here.stream = openStream(pair.near.session, request, here);
  await here.broken();
  assert.deepEqual(here.told, ['TARGET_REFUSED: target db:5432: refused']);
  await until('the stream is gone', () => pair.near.session.streams === 0);
});

describe('an acceptor without manners', () => {
  const answers: [string, (stream: Stream) => void, RegExp][] = [
    ['ends without an answer', (stream) => stream.end(), /^STREAM_RESET/],
    ['resets', (stream) => stream.reset(), /^STREAM_RESET/],
    [
      'answers what is not JSON',
      (stream) => stream.send(Buffer.from('\0\0\0\x01x')),
      /^PROTOCOL_MESSAGE/,
    ],
    [
      'answers nothing known',
      (stream) => stream.send(encodeMessage({ fine: true })),
      /^PROTOCOL_MESSAGE/,
    ],
    ['answers null', (stream) => stream.send(encodeMessage(null)), /^PROTOCOL_MESSAGE/],
    [
      'answers beyond the bound',
      (stream) => stream.send(Buffer.from('7fffffff', 'hex')),
      /^PROTOCOL_MESSAGE/,
    ],
    [
      'names an unknown error',
      (stream) => stream.send(encodeMessage({ error: { code: 'NEW_ONE', message: 'x' } })),
      /^STREAM_RESET: NEW_ONE: x$/,
    ],
  ];
  for (const [name, answer, why] of answers) {
    test(name, async (t) => {
      const pair = await connect(t);
      answering(pair, (stream) => {
        answer(stream);
        return null;
      });
      const here = new Opener(REPLY_SEED);
      here.stream = openStream(pair.near.session, request, here);
      await here.broken();
      assert.equal(here.told.length, 1);
      assert.match(here.told[0], why);
      await until('the stream is gone', () => pair.near.session.streams === 0);
      assert.equal(pair.near.closings.length, 0);
    });
  }
});

describe('an acceptor that does not answer', () => {
  /** The acceptor's stream, for the test to answer on, and the opener's end. */
  async function opened(t: TestContext) {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const pair = await connect(t);
    const there: Stream[] = [];
    answering(pair, (stream) => {
      there.push(stream);
      return null;
    });
    const here = new Opener(REPLY_SEED);
    here.stream = openStream(pair.near.session, request, here);
    await until('the head arrives', () => there.length === 1);
    return { pair, here, there: there[0] };
  }

  test('is left after a while; nothing says that no byte reached a target', async (t) => {
    const { pair, here } = await opened(t);
    t.mock.timers.tick(STREAM_ANSWER_TIMEOUT_MS - 1);
    assert.deepEqual(here.told, []);
    t.mock.timers.tick(1);
    assert.match(here.told.join(), /^RESPONSE_TIMEOUT: stream: not answered/);
    await until('the other end is told', () => pair.far.session.streams === 0);
  });

  test('is forgotten when it answers after all, or the opener leaves', async (t) => {
    const { pair, here, there } = await opened(t);
    acceptStream(there);
    await until('it is accepted', () => here.told.length === 1);
    t.mock.timers.tick(STREAM_ANSWER_TIMEOUT_MS);
    assert.deepEqual(here.told, ['accepted']);
    const another = new Opener(REPLY_SEED);
    another.stream = openStream(pair.near.session, request, another);
    another.stream.reset();
    t.mock.timers.tick(STREAM_ANSWER_TIMEOUT_MS);
    assert.deepEqual(another.told, []);
  });
});

test('heads are read strictly: any other shape is PROTOCOL_MESSAGE', () => {
  assert.deepEqual(readStreamHead({ ...request, extra: 1 }), request);
  const wrong: unknown[] = [
    null,
    [],
    'web',
    { ...request, service: 1 },
    { ...request, service: 'x'.repeat(200) },
    { ...request, kind: 'udp' },
    { ...request, consumer: undefined },
    { ...request, target: 5 },
    { ...request, key: null },
    { ...request, id: 'x'.repeat(1_000) },
  ];
  for (const head of wrong) {
    assert.throws(() => readStreamHead(head), { code: 'PROTOCOL_MESSAGE' }, JSON.stringify(head));
  }
  const reads = (value: unknown): void => {
    try {
      readStreamHead(value);
    } catch (thrown) {
      assert.equal((thrown as SallyportError).code, 'PROTOCOL_MESSAGE');
    }
  };
  fc.assert(fc.property(fc.jsonValue(), reads));
});
