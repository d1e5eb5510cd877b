import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  applyMask,
  FIN,
  HEADER_MAX_BYTES,
  headerBytes,
  MASK,
  OPCODE_BINARY,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
  randomKey,
  writeHeader,
} from './frame.ts';

/** A frame of `payload` as it would leave: header in front, masked when there is a key. */
function frame(payload: Buffer, key: number | null, opcode: number): Buffer {
  const bytes = Buffer.alloc(HEADER_MAX_BYTES + payload.length);
  payload.copy(bytes, HEADER_MAX_BYTES);
  if (key !== null) applyMask(bytes, HEADER_MAX_BYTES, bytes.length, key, 0);
  return bytes.subarray(writeHeader(bytes, HEADER_MAX_BYTES, bytes.length, 0, key, opcode));
}

const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });

describe('the examples of RFC 6455, section 5.7', () => {
  const key = Buffer.from('37fa213d', 'hex').readInt32LE();
  const long = Buffer.alloc(256, 7);
  const longer = Buffer.alloc(65_536, 7);
  const vectors: [string, Buffer, string][] = [
    ['unmasked text', frame(Buffer.from('Hello'), null, OPCODE_TEXT), '810548656c6c6f'],
    ['masked text', frame(Buffer.from('Hello'), key, OPCODE_TEXT), '818537fa213d7f9f4d5158'],
    ['unmasked ping', frame(Buffer.from('Hello'), null, OPCODE_PING), '890548656c6c6f'],
    ['masked pong', frame(Buffer.from('Hello'), key, OPCODE_PONG), '8a8537fa213d7f9f4d5158'],
    ['256 bytes', frame(long, null, OPCODE_BINARY), `827e0100${long.toString('hex')}`],
    ['64 KiB', frame(longer, null, OPCODE_BINARY), `827f0000000000010000${longer.toString('hex')}`],
  ];
  for (const [name, bytes, hex] of vectors) {
    test(name, () => assert.equal(bytes.toString('hex'), hex));
  }
});

test('a header reads back: length, key and place, whatever stands where', () => {
  const inPlace = fc.nat({ max: 300 });
  const elsewhere = fc.oneof(fc.nat({ max: 70_000 }), fc.nat({ max: 0x4000_0000 }));
  const keys = fc.option(int32);
  fc.assert(
    fc.property(inPlace, elsewhere, keys, fc.nat({ max: 15 }), (here, more, key, opcode) => {
      const start = 20;
      const bytes = Buffer.alloc(start + here, 0xee);
      const at = writeHeader(bytes, start, bytes.length, more, key, opcode);
      const header = bytes.subarray(at, start);
      assert.equal(header.length, headerBytes(header[1]));
      assert.ok(header.length <= HEADER_MAX_BYTES);
      assert.equal(header[0], FIN | opcode);
      assert.equal((header[1] & MASK) !== 0, key !== null);
      const code = header[1] & 0x7f;
      const length =
        code < 126
          ? code
          : code === 126
            ? header.readUInt16BE(2)
            : Number(header.readBigUInt64BE(2));
      assert.equal(length, here + more);
      // RFC 6455, 5.2: the shortest form of a length must be used.
      assert.equal(code, length < 126 ? length : length < 65_536 ? 126 : 127);
      if (key !== null) assert.equal(header.readInt32LE(header.length - 4), key);
      assert.ok(
        bytes.subarray(0, at).every((byte) => byte === 0xee),
        'nothing before the header',
      );
      assert.ok(
        bytes.subarray(start).every((byte) => byte === 0xee),
        'nothing of the payload',
      );
    }),
  );
});

describe('applyMask', () => {
  const place = fc.record({
    payload: fc.uint8Array({ maxLength: 100 }),
    offset: fc.nat({ max: 9 }),
    key: int32,
    phase: fc.nat({ max: 9 }),
  });

  test('is what the RFC defines: byte i is XORed with key byte i mod 4', () => {
    fc.assert(
      fc.property(place, ({ payload, offset, key, phase }) => {
        const keyBytes = Buffer.alloc(4);
        keyBytes.writeInt32LE(key);
        const bytes = Buffer.alloc(offset + payload.length + 9, 0xee);
        bytes.set(payload, offset);
        applyMask(bytes, offset, offset + payload.length, key, phase);
        const expected = payload.map((byte, i) => byte ^ keyBytes[(i + phase) & 3]);
        assert.deepEqual([...bytes.subarray(offset, offset + payload.length)], [...expected]);
        assert.ok(bytes.subarray(0, offset).every((byte) => byte === 0xee));
        assert.ok(bytes.subarray(offset + payload.length).every((byte) => byte === 0xee));
      }),
    );
  });

  test('twice is nothing, in whatever pieces the second time', () => {
    fc.assert(
      fc.property(place, fc.array(fc.nat({ max: 40 })), ({ payload, offset, key }, sizes) => {
        const bytes = Buffer.alloc(offset + payload.length);
        bytes.set(payload, offset);
        applyMask(bytes, offset, bytes.length, key, 0);
        let at = offset;
        for (const size of [...sizes, bytes.length]) {
          const stop = Math.min(bytes.length, at + size);
          applyMask(bytes, at, stop, key, at - offset);
          at = stop;
        }
        assert.deepEqual([...bytes.subarray(offset)], [...payload]);
      }),
    );
  });

  test('respects the offset of the buffer inside its memory', () => {
    const memory = Buffer.alloc(64);
    for (let offset = 0; offset < 8; offset++) {
      const view = memory.subarray(offset, offset + 21);
      view.fill(0);
      applyMask(view, 0, view.length, 0x04030201, 0);
      assert.deepEqual(
        [...view],
        Array.from({ length: 21 }, (_, i) => (i & 3) + 1),
      );
    }
  });
});

test('random keys do not repeat across refills of their pool', () => {
  const drawn = new Set(Array.from({ length: 5_000 }, randomKey));
  assert.ok(drawn.size > 4_990, `${drawn.size} different keys of 5000`);
});
