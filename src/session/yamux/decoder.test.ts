import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SallyportError } from '../../errors.ts';
import { HEADROOM, Slab } from '../../net/slab.ts';
import { FrameDecoder, type FrameHandler } from './decoder.ts';
import {
  FLAGS_ALL,
  FRAME_HEADER_BYTES,
  TYPE_DATA,
  TYPE_GO_AWAY,
  TYPE_PING,
  writeFrameHeader,
} from './frame.ts';

/** Writes down what a decoder hands on, payloads joined. */
class Notes implements FrameHandler {
  frames: { type: number; flags: number; id: number; length: number; payload: string }[] = [];
  ends = 0;

  frame(type: number, flags: number, id: number, length: number): void {
    this.frames.push({ type, flags, id, length, payload: '' });
  }

  payload(slab: Slab, start: number, end: number): void {
    assert.ok(end > start);
    this.frames.at(-1)!.payload += slab.bytes.toString('hex', start, end);
  }

  payloadEnd(): void {
    this.ends++;
    const last = this.frames.at(-1)!;
    assert.equal(last.payload.length, 2 * last.length);
  }
}

/** Feeds the bytes in pieces of the given sizes, each in a slab of its own. */
function feed(decoder: FrameDecoder, bytes: Buffer, sizes: readonly number[]): void {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = bytes.subarray(at, at + sizes[i % sizes.length]);
    const slab = new Slab(Buffer.concat([Buffer.alloc(HEADROOM), piece]), null);
    decoder.feed(slab, HEADROOM, slab.bytes.length);
    slab.bytes.fill(0xee);
    at += piece.length;
  }
}

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const frame = fc
  .record({
    type: fc.integer({ min: TYPE_DATA, max: TYPE_GO_AWAY }),
    flags: fc.integer({ min: 0, max: FLAGS_ALL }),
    id: uint32,
    value: uint32,
    data: fc.uint8Array({ maxLength: 60 }),
  })
  .map(({ type, flags, id, value, data }) => {
    const payload = type === TYPE_DATA ? Buffer.from(data) : Buffer.alloc(0);
    const length = type === TYPE_DATA ? payload.length : value;
    return { type, flags, id, length, payload };
  });

test('any split of the bytes gives the same frames', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 20 }), sizes, (frames, pieces) => {
      const bytes = frames.flatMap(({ type, flags, id, length, payload }) => {
        const head = Buffer.alloc(FRAME_HEADER_BYTES);
        writeFrameHeader(head, 0, type, flags, id, length);
        return [head, payload];
      });
      const notes = new Notes();
      feed(new FrameDecoder(notes), Buffer.concat(bytes), pieces);
      const expected = frames.map((one) => ({ ...one, payload: one.payload.toString('hex') }));
      assert.deepEqual(notes.frames, expected);
      assert.equal(notes.ends, frames.filter(({ type }) => type === TYPE_DATA).length);
    }),
  );
});

test('any bytes give frames or PROTOCOL_FRAME, in any split the same', () => {
  const outcome = (bytes: Buffer, sizes: number[]): unknown => {
    const notes = new Notes();
    try {
      feed(new FrameDecoder(notes), bytes, sizes);
      return notes.frames;
    } catch (thrown) {
      assert.ok(thrown instanceof SallyportError);
      return [notes.frames, thrown.code, thrown.message];
    }
  };
  const nearly = fc.uint8Array({ maxLength: 100 }).map((bytes) => {
    for (let at = 0; at < bytes.length; at += 12) bytes[at] &= 0x81;
    return Buffer.from(bytes);
  });
  fc.assert(
    fc.property(nearly, (bytes) => {
      assert.deepEqual(outcome(bytes, [1]), outcome(bytes, [1_000]));
      assert.deepEqual(outcome(bytes, [5]), outcome(bytes, [1_000]));
    }),
  );
});

describe('refused', () => {
  const cases: [string, string, RegExp][] = [
    ['a version that is not 0', '010000000000000100000000', /version 1/],
    ['an unknown type', '000400000000000100000000', /type 4/],
    ['an unknown flag', '000000100000000100000000', /flags 0x10/],
    ['an unknown flag in the high byte', '000001000000000100000000', /flags 0x100/],
  ];
  for (const [name, hex, why] of cases) {
    test(name, () => {
      const decoder = new FrameDecoder(new Notes());
      const attempt = (): void => feed(decoder, Buffer.from(hex, 'hex'), [100]);
      assert.throws(attempt, { code: 'PROTOCOL_FRAME', message: why });
    });
  }
});

test('the greatest values are read as what they are', () => {
  const notes = new Notes();
  feed(new FrameDecoder(notes), Buffer.from('00020000ffffffffffffffff', 'hex'), [100]);
  const { type, id, length } = notes.frames[0];
  assert.deepEqual([type, id, length], [TYPE_PING, 0xffff_ffff, 0xffff_ffff]);
});
