import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HTTP3_USELESS_FRAMES_MAX } from '../../../limits.ts';
import { Http3Error } from './fault.ts';
import { FrameReader, type Treatment } from './frame-reader.ts';
import { FRAME, frame, frameHead } from './frames.ts';

/** Gathers type 1, passes type 0, skips others; what it saw as text. */
function record(): { reader: FrameReader; seen: string[] } {
  const seen: string[] = [];
  const treatments: Record<number, Treatment> = { 0: 'pass', 1: 'gather' };
  const reader = new FrameReader({
    begin: (type) => treatments[type] ?? 'skip',
    gathered: (type, payload) => seen.push(`${type}:${payload.toString('hex')}`),
    passed: (bytes) => {
      assert.ok(bytes.length > 0);
      if (seen.at(-1)?.startsWith('data:')) seen.push(seen.pop()! + bytes.toString('hex'));
      else seen.push(`data:${bytes.toString('hex')}`);
    },
  });
  return { reader, seen };
}

const anyFrame = fc.tuple(
  fc.constantFrom(0, 1, 0x21, 0x40, 0x1f * 1e9 + 0x21),
  fc.uint8Array({ maxLength: 90 }),
);

test('frames are the same in whatever pieces they come', () => {
  fc.assert(
    fc.property(
      fc.array(anyFrame, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 40 })),
      (frames, cuts) => {
        const bytes = Buffer.concat(
          frames.map(([type, payload]) => frame(type, Buffer.from(payload))),
        );
        const whole = record();
        whole.reader.push(bytes);
        whole.reader.finish();
        const pieces = record();
        let at = 0;
        for (const cut of cuts) {
          pieces.reader.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        pieces.reader.push(bytes.subarray(at));
        pieces.reader.finish();
        assert.deepEqual(pieces.seen, whole.seen);
        const gathered = frames
          .filter(([type]) => type === 1)
          .map(([, p]) => `1:${Buffer.from(p).toString('hex')}`);
        assert.deepEqual(
          whole.seen.filter((line) => line.startsWith('1:')),
          gathered,
        );
      },
    ),
  );
});

test('an end within a frame is an error, between frames it is none', () => {
  const bytes = frame(FRAME.HEADERS, Buffer.from('four'));
  for (const long of [bytes, frame(0x1f * 1_000 + 0x21, Buffer.alloc(100))])
    for (let end = 1; end < long.length; end++) {
      const { reader } = record();
      reader.push(long.subarray(0, end));
      assert.throws(() => reader.finish(), /H3_FRAME_ERROR/, `after ${end} bytes`);
    }
  const { reader } = record();
  reader.finish();
  reader.push(bytes);
  reader.finish();
});

test('frames without use are bounded, and useful ones in between set the count back', () => {
  const reserved = frame(0x21, Buffer.alloc(0));
  const empty = frameHead(FRAME.DATA, 0);
  for (const useless of [reserved, empty]) {
    const { reader } = record();
    for (let i = 0; i < HTTP3_USELESS_FRAMES_MAX; i++) reader.push(useless);
    reader.push(frame(FRAME.DATA, Buffer.from('x')));
    for (let i = 0; i < HTTP3_USELESS_FRAMES_MAX; i++) reader.push(useless);
    assert.throws(() => reader.push(useless), /H3_EXCESSIVE_LOAD/);
  }
});

test('any bytes are frames or one named error', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 80 })), (pieces) => {
      const { reader } = record();
      try {
        for (const piece of pieces) reader.push(Buffer.from(piece));
        reader.finish();
      } catch (error) {
        assert.ok(error instanceof Http3Error, String(error));
      }
    }),
  );
});
