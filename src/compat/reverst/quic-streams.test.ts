import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { connectQuic, type QuicPair } from '../../../test/support/quic-sessions.ts';
import { until } from '../../../test/support/wait.ts';
import { HTTP3_STREAM_UNTAKEN_BYTES, QUIC_UNI_STREAMS_MAX } from '../../limits.ts';
import type { QuicEnd } from '../../transport/quic/user.ts';
import type { ByteReceiver, ByteStream } from './http3/byte-stream.ts';
import { QuicStreams, type StreamAcceptor } from './quic-streams.ts';

/** Records what a stream delivers, and credits it at once unless told otherwise. */
class Received implements ByteReceiver {
  stream: ByteStream | null = null;
  readonly calls: string[] = [];
  bytes = 0;
  text = '';
  credits = true;

  data(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (this.text.length < 1_000) this.text += bytes.toString('latin1');
    if (this.credits) this.stream!.credit(bytes.length);
  }
  finished(): void {
    this.calls.push('finished');
  }
  reset(code: number): void {
    this.calls.push(`reset 0x${code.toString(16)}`);
  }
  stopped(code: number): void {
    this.calls.push(`stopped 0x${code.toString(16)}`);
  }
  drained(): void {
    this.calls.push('drained');
  }
}

interface End {
  readonly streams: QuicStreams;
  readonly ends: QuicEnd[];
  /** What the peer has opened, by the lowest bits of its id and the order. */
  readonly bidi: Received[];
  readonly uni: Received[];
  open(kind: 'Bidi' | 'Uni'): Received;
}

type Ends = Record<'client' | 'server', End> & { readonly pair: QuicPair };

function endOf(connection: QuicPair['client']): End {
  const ends: QuicEnd[] = [];
  const bidi: Received[] = [];
  const uni: Received[] = [];
  const streams = new QuicStreams(connection, (end) => void ends.push(end));
  const kept = (list: Received[]) => (stream: ByteStream) => {
    const received = new Received();
    received.stream = stream;
    list.push(received);
    return received;
  };
  const acceptor: StreamAcceptor = { acceptBidi: kept(bidi), acceptUni: kept(uni) };
  streams.accept(acceptor);
  return {
    streams,
    ends,
    bidi,
    uni,
    open(kind) {
      const received = new Received();
      received.stream = streams[`open${kind}`](received);
      return received;
    },
  };
}

async function join(t: TestContext): Promise<Ends> {
  const pair = await connectQuic(t);
  return { client: endOf(pair.client), server: endOf(pair.server), pair };
}

describe('streams of a QUIC connection', () => {
  for (const side of ['client', 'server'] as const) {
    test(`both kinds that the ${side} opens arrive with their ends, and answers come back`, async (t) => {
      const ends = await join(t);
      const near = ends[side];
      const far = ends[side === 'client' ? 'server' : 'client'];
      assert.equal(near.streams.side, side);
      const both = near.open('Bidi');
      const oneWay = near.open('Uni');
      const low = side === 'client' ? 0 : 1;
      assert.deepEqual([both.stream!.id, oneWay.stream!.id], [low, low + 2]);
      both.stream!.write(Buffer.from('question'));
      both.stream!.end();
      oneWay.stream!.write(Buffer.from('signal'));
      await until('both came', () => far.bidi.length + far.uni.length === 2);
      await until('it ended', () => far.bidi[0].calls.includes('finished'));
      assert.deepEqual([far.bidi[0].text, far.uni[0].text], ['question', 'signal']);
      assert.deepEqual(far.uni[0].calls, []);
      far.bidi[0].stream!.write(Buffer.from('answer'));
      far.bidi[0].stream!.end();
      oneWay.stream!.end();
      await until('the answer came', () => both.calls.includes('finished'));
      await until('the signals ended', () => far.uni[0].calls.includes('finished'));
      assert.equal(both.text, 'answer');
      assert.deepEqual(both.calls, ['finished']);
    });
  }

  test('codes of resets and stops arrive, each in its direction', async (t) => {
    const { client, server } = await join(t);
    const asked = client.open('Bidi');
    asked.stream!.write(Buffer.from('x'));
    await until('it came', () => server.bidi.length === 1);
    asked.stream!.reset(0x10c);
    await until('the reset came', () => server.bidi[0].calls.length === 1);
    assert.deepEqual(server.bidi[0].calls, ['reset 0x10c']);
    server.bidi[0].stream!.write(Buffer.from('still'));
    await until('the other direction goes on', () => asked.text === 'still');
    asked.stream!.stop(0x105);
    await until('the stop came', () => server.bidi[0].calls.length === 2);
    assert.deepEqual(server.bidi[0].calls, ['reset 0x10c', 'stopped 0x105']);
    assert.deepEqual(asked.calls, []);
  });

  test('a stop is told while the stream rests, and only once', async (t) => {
    const { client, server } = await join(t);
    // More than are looked at in every turn.
    const asked = Array.from({ length: 100 }, () => client.open('Bidi'));
    for (const one of asked) {
      one.stream!.write(Buffer.from('x'));
      one.stream!.end();
    }
    await until('they came', () => server.bidi.length === 100);
    await until('whole', () => server.bidi.every(({ calls }) => calls.length === 1));
    for (const one of asked) one.stream!.stop(0x10c);
    await until('all were told', () => server.bidi.every(({ calls }) => calls.length === 2));
    assert.match(server.bidi[0].calls[1], /^stopped 0x10[0c]$/);
    server.bidi[0].stream!.write(Buffer.from('late'));
    const after = client.open('Bidi');
    after.stream!.write(Buffer.from('y'));
    await until('the next came', () => server.bidi.length === 101);
    assert.equal(server.bidi[0].calls.length, 2);
  });

  test('one that is broken off before its first byte is so to the peer', async (t) => {
    const { client, server } = await join(t);
    const asked = client.open('Bidi');
    asked.stream!.reset(0x10c);
    asked.stream!.stop(0x10c);
    await until('it came', () => server.bidi[0]?.calls.length > 0);
    assert.equal(server.bidi[0].calls[0], 'reset 0x10c');
  });

  test('what nobody takes yet waits, and comes whole', async (t) => {
    const pair = await connectQuic(t);
    const client = endOf(pair.client);
    const server = new QuicStreams(pair.server, () => {});
    const first: Received = new Received();
    server.accept({
      acceptBidi(stream) {
        first.stream = stream;
        return first;
      },
    });
    const control = client.open('Uni');
    control.stream!.write(Buffer.from('settings'));
    const registration = client.open('Bidi');
    registration.stream!.write(Buffer.from('group'));
    await until('the registration came', () => first.text === 'group');
    const late: Received = new Received();
    server.accept({
      acceptUni(stream) {
        late.stream = stream;
        return late;
      },
    });
    await until('the control stream came', () => late.text === 'settings');
    assert.equal(first.text, 'group');
  });
});

describe('back-pressure', () => {
  test('a receiver that gives no credit holds so much, and the rest waits', async (t) => {
    const { client, server } = await join(t);
    server.streams.accept({
      acceptBidi(stream) {
        const received = new Received();
        received.stream = stream;
        received.credits = false;
        server.bidi.push(received);
        return received;
      },
    });
    const total = 4 * 1024 * 1024;
    const sent = client.open('Bidi');
    let given = 0;
    const feed = (): void => {
      while (given < total && sent.stream!.writable) {
        sent.stream!.write(Buffer.alloc(16_384, 0x61));
        given += 16_384;
      }
      if (given === total) sent.stream!.end();
    };
    sent.drained = feed;
    feed();
    await until('it is full', () => server.bidi[0]?.bytes === HTTP3_STREAM_UNTAKEN_BYTES);
    const other = client.open('Bidi');
    other.stream!.write(Buffer.from('z'));
    await until('another stream goes on', () => server.bidi[1]?.text === 'z');
    assert.equal(server.bidi[0].bytes, HTTP3_STREAM_UNTAKEN_BYTES);
    assert.ok(given < total, `${given} bytes were taken from the sender`);
    assert.equal(sent.stream!.writable, false);
    server.bidi[0].credits = true;
    server.bidi[0].stream!.credit(HTTP3_STREAM_UNTAKEN_BYTES);
    await until('all came', () => server.bidi[0].calls.includes('finished'));
    assert.equal(server.bidi[0].bytes, total);
  });

  test('a stop ends what waits for room', async (t) => {
    const { client, server } = await join(t);
    server.streams.accept({
      acceptBidi(stream) {
        const received = new Received();
        received.stream = stream;
        received.credits = false;
        server.bidi.push(received);
        return received;
      },
    });
    const sent = client.open('Bidi');
    while (sent.stream!.writable) sent.stream!.write(Buffer.alloc(65_536));
    await until('it is full', () => server.bidi[0]?.bytes === HTTP3_STREAM_UNTAKEN_BYTES);
    sent.stream!.write(Buffer.alloc(1_000_000));
    server.bidi[0].stream!.stop(0x10c);
    await until('it was told', () => sent.calls.some((call) => call.startsWith('stopped')));
    assert.ok(sent.calls.includes('stopped 0x10c'), String(sent.calls));
  });
});

describe('ends of the connection', () => {
  test('code and reason of a close arrive, and nothing opens any more', async (t) => {
    const { client, server } = await join(t);
    server.streams.close(0x2, 'unauthorized');
    await until('it was told', () => client.ends.length === 1);
    const { remote, application, code, reason } = client.ends[0];
    assert.deepEqual([remote, application, code, reason], [true, true, 0x2, 'unauthorized']);
    assert.throws(() => client.open('Bidi'), { code: 'SESSION_CLOSED' });
    assert.throws(() => server.open('Uni'), { code: 'SESSION_CLOSED' });
    assert.deepEqual(server.ends, []);
  });

  test('one-way streams beyond what the peer allows are refused here', async (t) => {
    const { client } = await join(t);
    for (let i = 0; i < QUIC_UNI_STREAMS_MAX; i++) client.open('Uni');
    assert.throws(() => client.open('Uni'), { code: 'TOO_MANY_STREAMS' });
  });
});
