import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Endpoint } from '../../test/support/endpoint.ts';
import { until } from '../../test/support/wait.ts';
import { websocketFrame } from '../../test/support/websocket-frames.ts';
import { connectWires, type WireKind } from '../../test/support/wires.ts';
import { GONE_PEER_GRACE_MS, INITIAL_WINDOW_BYTES } from '../limits.ts';
import type { Wire } from '../net/wire.ts';
import { WebSocketStream, type Ending } from './websocket-stream.ts';

const MB = 1024 * 1024;
const HERE = 3;
const THERE = 5;

interface Side {
  readonly stream: WebSocketStream;
  readonly end: Endpoint;
  readonly overs: string[];
}

function makeSide(wire: Wire, masking: 'none' | 'random' | 'zero', ending: Ending, seed: number) {
  const end = new Endpoint(seed);
  const stream = new WebSocketStream(wire, masking, ending, end);
  end.stream = stream;
  const overs: string[] = [];
  stream.onOver = (how) => void overs.push(typeof how === 'string' ? how : how.code);
  return { stream, end, overs };
}

interface Setting {
  kind?: WireKind;
  here?: Ending;
  there?: Ending;
  mask?: 'random' | 'zero';
}

async function connect(t: TestContext, setting: Setting = {}) {
  const { kind = 'onread', here = 'message', there = 'message', mask = 'random' } = setting;
  const wires = await connectWires(t, kind);
  const client: Side = makeSide(wires.dialled, mask, here, THERE);
  const server: Side = makeSide(wires.accepted, 'none', there, HERE);
  return { client, server, wires };
}

describe('a WebSocket as one stream', () => {
  for (const kind of ['onread', 'events'] as const)
    for (const mask of ['random', 'zero'] as const)
      test(`bytes pass both ways at once, and both directions end: ${kind}, ${mask}`, async (t) => {
        const { client, server, wires } = await connect(t, { kind, mask });
        await Promise.all([client.end.push(HERE, 6 * MB), server.end.push(THERE, 6 * MB)]);
        await Promise.all([client.end.ended(), server.end.ended()]);
        assert.deepEqual([client.end.received, server.end.received], [6 * MB, 6 * MB]);
        await until('both are over', () => client.overs.length + server.overs.length === 2);
        assert.deepEqual([client.overs, server.overs], [['ok'], ['ok']]);
        await until('the sockets are gone', () => wires.dialled.destroyed);
        await until('no slab is out', () => wires.pool.out === 0);
      });

  test('an empty message ends one direction, and the other goes on', async (t) => {
    const { client, server } = await connect(t);
    await client.end.push(HERE, 1_000);
    await server.end.ended();
    await server.end.push(THERE, 70_000);
    await client.end.ended();
    assert.equal(client.end.received, 70_000);
    assert.equal(client.stream.over, true);
  });

  test('a side that does not read stops the other’s writing, and nothing is lost', async (t) => {
    const { client, server } = await connect(t);
    server.end.crediting = false;
    const pushed = client.end.push(HERE, 32 * MB);
    await until('the writer is stopped', () => !client.stream.writable);
    await until('the reader has a window of it', () => server.end.owed >= INITIAL_WINDOW_BYTES);
    assert.ok(server.end.owed < 2 * MB, `${server.end.owed} bytes were delivered`);
    server.end.crediting = true;
    server.end.pay();
    await pushed;
    await server.end.ended();
    assert.equal(server.end.received, 32 * MB);
  });

  test('`close`: the end closes the connection, after everything has left', async (t) => {
    const { client, server } = await connect(t, { here: 'nothing', there: 'close' });
    await server.end.push(THERE, 8 * MB);
    await client.end.ended();
    assert.equal(client.end.received, 8 * MB);
    assert.deepEqual(server.end.calls, ['finished']);
    assert.deepEqual(server.overs, ['ok']);
    client.stream.end();
    assert.deepEqual(client.overs, ['ok']);
  });

  test('`nothing`: the end sends nothing, and the peer’s end is the end', async (t) => {
    const { client, server, wires } = await connect(t, { here: 'nothing', there: 'close' });
    client.stream.end();
    await server.end.push(THERE, 10);
    await client.end.ended();
    assert.deepEqual([client.overs, server.overs], [['ok'], ['ok']]);
    await until('the sockets are gone', () => wires.accepted.destroyed);
  });

  test('a peer that has left is waited for a while, and breaks the stream that writes to it', async (t) => {
    const { server, wires } = await connect(t, { there: 'close' });
    wires.dialled.end();
    await server.end.ended();
    await until('the socket is gone', () => wires.accepted.destroyed);
    assert.equal(server.stream.over, false);
    server.stream.send(Buffer.from('too late'));
    assert.deepEqual(server.end.calls, ['finished', 'reset STREAM_RESET']);
  });

  test('a peer that has left is not waited for longer than that', async (t) => {
    const { server, wires } = await connect(t, { there: 'close' });
    t.mock.timers.enable({ apis: ['setTimeout'] });
    wires.dialled.end();
    await server.end.ended();
    t.mock.timers.tick(GONE_PEER_GRACE_MS);
    assert.deepEqual(server.overs, ['STREAM_RESET']);
  });

  test('where ends are told, a connection that closes without one was lost', async (t) => {
    const { server, wires } = await connect(t);
    wires.dialled.end();
    assert.equal((await server.end.broken()).code, 'LINK_LOST');
  });

  test('a reset reaches the other end with its reason', async (t) => {
    const { client, server } = await connect(t);
    client.stream.reset();
    assert.equal((await server.end.broken()).code, 'STREAM_RESET');
    assert.deepEqual(client.overs, ['closed']);
    assert.deepEqual(client.end.calls, []);
  });

  test('text is bytes as well, and a close with code 1000 is an orderly end', async (t) => {
    const wires = await connectWires(t, 'onread');
    wires.dialled.reader = { read: () => true, ended() {}, closed() {} };
    let heard = '';
    const calls: string[] = [];
    const stream = new WebSocketStream(wires.accepted, 'none', 'close', {
      data(slab, start, end) {
        heard += slab.bytes.toString('utf8', start, end);
        stream.credit(end - start);
      },
      finished: () => void calls.push('finished'),
      reset: (error) => void calls.push(error.code),
      drained() {},
    });
    const key = Buffer.from([1, 2, 3, 4]);
    const frame = (opcode: number, payload: Buffer) => websocketFrame({ opcode, payload, key });
    const message = Buffer.concat([
      frame(1, Buffer.from('te')),
      frame(2, Buffer.from('xt')),
      frame(8, Buffer.from([0x03, 0xe8])),
    ]);
    for (const byte of message) wires.dialled.write(Buffer.from([byte]));
    await until('it has ended', () => calls.length > 0);
    assert.deepEqual([heard, calls], ['text', ['finished']]);
  });

  test('life is asked for only of a peer that has read everything', async (t) => {
    const { client, server } = await connect(t);
    await client.end.push(HERE, 1, false);
    await server.end.has(1);
    assert.equal(server.stream.takeActivity(), true);
    assert.equal(server.stream.takeActivity(), false);
    server.stream.ping();
    await until('the pong came', () => server.stream.takeActivity());
    server.stream.send(Buffer.alloc(1));
    assert.equal(server.stream.takeActivity(), true, 'it may be busy reading');
  });
});
