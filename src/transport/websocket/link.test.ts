import assert from 'node:assert/strict';
import { duplexPair, type Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readWebsocketFrames, websocketFrame } from '../../../test/support/websocket-frames.ts';
import { until, within } from '../../../test/support/wait.ts';
import type { SallyportError } from '../../errors.ts';
import { SlabPool } from '../../net/slab.ts';
import { Wire } from '../../net/wire.ts';
import { WebSocketLink, type Masking } from './link.ts';

const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const key = Buffer.from('a1b2c3d4', 'hex');

interface End {
  /** The other side of the carrier. */
  far: Duplex;
  link: WebSocketLink;
  payload(): Buffer;
  /** What the link has sent. */
  sent(): Buffer;
  closed: Promise<SallyportError | null>;
}

function linkOver(masking: Masking, pool = new SlabPool(4_096)): End {
  const [far, near] = duplexPair();
  const arrived: Buffer[] = [];
  const sent: Buffer[] = [];
  const closed = Promise.withResolvers<SallyportError | null>();
  far.on('data', (piece: Buffer) => sent.push(piece));
  far.on('error', () => {});
  const wire = Wire.fromEvents(near, pool, { read: () => true, ended() {}, closed() {} });
  const link = new WebSocketLink(wire, masking);
  link.receive({
    bytes: (slab, start, end) => void arrived.push(Buffer.from(slab.bytes.subarray(start, end))),
    closed: (error) => closed.resolve(error),
  });
  const payload = (): Buffer => Buffer.concat(arrived);
  return { far, link, payload, sent: () => Buffer.concat(sent), closed: closed.promise };
}

/** A message in fragments, with pings anywhere between them. */
const message = fc.record({
  pieces: fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 }),
  pings: fc.array(fc.uint8Array({ maxLength: 125 }), { maxLength: 2 }),
});

test('any split of the bytes delivers the same payload', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 30 });
  const check = async (
    messages: { pieces: Uint8Array[]; pings: Uint8Array[] }[],
    splits: number[],
    masked: boolean,
  ): Promise<void> => {
    const end = linkOver(masked ? 'none' : 'zero');
    const mask = masked ? { key } : {};
    const frames: Buffer[] = [];
    const expected: Buffer[] = [];
    for (const { pieces, pings } of messages) {
      pieces.forEach((piece, i) => {
        const payload = Buffer.from(piece);
        expected.push(payload);
        const fin = i === pieces.length - 1;
        frames.push(websocketFrame({ opcode: i === 0 ? BINARY : 0, fin, payload, ...mask }));
        const ping = pings[i];
        if (ping !== undefined) {
          frames.push(websocketFrame({ opcode: PING, payload: Buffer.from(ping), ...mask }));
        }
      });
    }
    frames.push(websocketFrame({ opcode: CLOSE, ...mask }));
    const bytes = Buffer.concat(frames);
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const n = splits[i % splits.length];
      end.far.write(bytes.subarray(at, at + n));
      at += n;
    }
    assert.equal(await within(5_000, end.closed), null);
    assert.deepEqual(end.payload(), Buffer.concat(expected));
  };
  const messages = fc.array(message, { maxLength: 6 });
  await fc.assert(fc.asyncProperty(messages, sizes, fc.boolean(), check), { numRuns: 150 });
});

test('bytes that are no frames end the link with PROTOCOL_FRAME or leave it waiting, never throw', async () => {
  const noise = fc.uint8Array({ minLength: 1, maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(noise, async (bytes) => {
      const pool = new SlabPool(64);
      const end = linkOver('none', pool);
      end.far.end(Buffer.from(bytes));
      const error = await within(5_000, end.closed);
      if (error !== null) assert.match(error.code, /^(PROTOCOL_FRAME|LINK_LOST)$/);
      await until('all slabs are back', () => pool.out === 0);
    }),
    { numRuns: 200 },
  );
});

describe('masking', () => {
  for (const masking of ['none', 'zero', 'random'] as const) {
    test(`${masking}: what leaves is one frame of the payload`, async () => {
      const end = linkOver(masking);
      const bytes = Buffer.alloc(320, 5);
      end.link.send(bytes, 20, 320);
      await until('a frame has left', () => readWebsocketFrames(end.sent()).length === 1);
      const [frame] = readWebsocketFrames(end.sent());
      assert.deepEqual(frame.payload, Buffer.alloc(300, 5));
      assert.equal(frame.masked, masking !== 'none');
      assert.equal(frame.opcode, BINARY);
      assert.equal(end.sent().includes(Buffer.alloc(16, 5)), masking !== 'random');
    });
  }
});

describe('pings', () => {
  test('one is answered with its payload', async () => {
    const end = linkOver('none');
    end.far.write(websocketFrame({ opcode: PING, payload: Buffer.from('hello'), key }));
    await until('a pong has left', () => end.sent().length > 0);
    const [frame] = readWebsocketFrames(end.sent());
    assert.deepEqual([frame.opcode, frame.payload.toString()], [PONG, 'hello']);
  });

  test('ping flood: those that come together get one pong, for the last of them', async () => {
    const end = linkOver('none');
    const pings = Array.from({ length: 500 }, (_, i) =>
      websocketFrame({ opcode: PING, payload: Buffer.from(`ping ${i}`), key }),
    );
    end.far.write(Buffer.concat(pings));
    const pongs = (): string[] =>
      readWebsocketFrames(end.sent()).map(({ payload }) => payload.toString());
    await until('the last is answered', () => pongs().at(-1) === 'ping 499');
    assert.ok(pongs().length <= 10, `${pongs().length} pongs`);
  });

  test('a pong nobody asked for is passed over', async () => {
    const end = linkOver('none');
    end.far.write(websocketFrame({ opcode: PONG, payload: Buffer.from('x'), key }));
    end.far.write(websocketFrame({ opcode: BINARY, payload: Buffer.from('data'), key }));
    await until('the data is there', () => end.payload().toString() === 'data');
    assert.equal(end.sent().length, 0);
  });
});

test('who has said that it sends no more hears its peer out, and says nothing more', async () => {
  const { far, link, payload, sent, closed } = linkOver('none');
  link.closeSending();
  link.ping();
  far.write(websocketFrame({ opcode: BINARY, payload: Buffer.from('late'), key }));
  far.write(websocketFrame({ opcode: PING, payload: Buffer.from('x'), key }));
  far.write(websocketFrame({ opcode: CLOSE, payload: Buffer.from([3, 232]), key }));
  assert.equal(await within(1_000, closed), null);
  assert.equal(payload().toString(), 'late');
  const frames = readWebsocketFrames(sent());
  assert.deepEqual(
    frames.map(({ opcode, payload: { length } }) => [opcode, length]),
    [[CLOSE, 2]],
  );
});
