import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { spentMs } from '../../test/support/spent.ts';
import { SallyportError } from '../errors.ts';
import { HEADROOM, Slab } from '../net/slab.ts';
import type { Stream, StreamReceiver } from '../session/session.ts';
import { encodeMessage, MessageReader } from './message-reader.ts';

/** A reader on a stream that only counts credit; what it delivers is written down. */
function reading(max = 1_000, takesOver?: (value: unknown) => StreamReceiver | null) {
  const notes = { messages: [] as unknown[], errors: [] as SallyportError[], credited: 0 };
  const stream = { credit: (n: number) => void (notes.credited += n) } as Stream;
  const handler = {
    message(value: unknown) {
      notes.messages.push(value);
      return takesOver?.(value) ?? null;
    },
    broken: (error: SallyportError) => void notes.errors.push(error),
    finished() {},
    reset() {},
    drained() {},
  };
  stream.receiver = new MessageReader(stream, handler, max);
  return { stream, notes };
}

/** Delivers the bytes in pieces of the given sizes, each in a slab that is overwritten afterwards. */
function deliver(stream: Stream, bytes: Buffer, sizes: readonly number[]): void {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = bytes.subarray(at, at + sizes[i % sizes.length]);
    const slab = new Slab(Buffer.concat([Buffer.alloc(HEADROOM + 3), piece]), null);
    stream.receiver.data(slab, HEADROOM + 3, slab.bytes.length);
    slab.bytes.fill(0xee);
    at += piece.length;
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 15 });
const values = fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 8 });

test('any split gives the same messages, and all bytes are credited', () => {
  fc.assert(
    fc.property(values, sizes, (messages, pieces) => {
      const { stream, notes } = reading(100_000);
      const bytes = Buffer.concat(messages.map(encodeMessage));
      deliver(stream, bytes, pieces);
      assert.deepEqual(notes.messages, JSON.parse(JSON.stringify(messages)));
      assert.deepEqual([notes.errors.length, notes.credited], [0, bytes.length]);
    }),
  );
});

test('what follows the message that hands over goes to the next receiver, in any split', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), sizes, (rest, pieces) => {
      const got: Buffer[] = [];
      const next = {
        data: (slab: Slab, start: number, end: number) =>
          void got.push(Buffer.from(slab.bytes.subarray(start, end))),
      } as StreamReceiver;
      const { stream, notes } = reading(1_000, (value) => (value === 'go' ? next : null));
      const messages = [encodeMessage({ a: 'ü' }), encodeMessage('go')];
      deliver(stream, Buffer.concat([...messages, Buffer.from(rest)]), pieces);
      assert.deepEqual(notes.messages, [{ a: 'ü' }, 'go']);
      assert.deepEqual(Buffer.concat(got), Buffer.from(rest));
      // The rest is for the next receiver to credit.
      assert.equal(notes.credited, Buffer.concat(messages).length);
    }),
  );
});

test('any bytes give messages or one PROTOCOL_MESSAGE, never a throw', () => {
  const short = fc.uint8Array({ maxLength: 60 }).map((bytes) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(Math.max(0, bytes.length - 2));
    return Buffer.concat([head, bytes]);
  });
  fc.assert(
    fc.property(fc.oneof(short, fc.uint8Array().map(Buffer.from)), sizes, (bytes, pieces) => {
      const { stream, notes } = reading();
      const before = stream.receiver;
      for (const size of pieces) {
        if (notes.errors.length === 0)
          deliver(stream, Buffer.from(bytes).subarray(0, size), [size]);
      }
      assert.equal(stream.receiver, before);
      for (const error of notes.errors) assert.equal(error.code, 'PROTOCOL_MESSAGE');
    }),
  );
});

describe('refused', () => {
  test('a message above the bound, before any of it was kept', () => {
    const { stream, notes } = reading(10);
    deliver(stream, encodeMessage('0123456789'), [4]);
    assert.match(notes.errors[0].message, /12 bytes, above 10/);
  });

  test('a length of 2^32-1', () => {
    const { stream, notes } = reading();
    deliver(stream, Buffer.from('ffffffff', 'hex'), [4]);
    assert.equal(notes.errors[0].code, 'PROTOCOL_MESSAGE');
  });

  for (const text of ['', '{', 'undefined', '{"a":1}x', '\u0000']) {
    test(`what is not JSON: ${JSON.stringify(text)}`, () => {
      const { stream, notes } = reading();
      const bytes = Buffer.from(`0000${text}`);
      bytes.writeUInt32BE(bytes.length - 4);
      deliver(stream, bytes, [100]);
      assert.match(notes.errors[0].message, /not valid JSON/);
      assert.ok(text === '' || !notes.errors[0].message.includes(text));
    });
  }

  test('what the handler throws keeps its own code', () => {
    const { stream, notes } = reading(1_000, () => {
      throw new SallyportError('DENIED', 'no');
    });
    deliver(stream, encodeMessage(1), [100]);
    assert.equal(notes.errors[0].code, 'DENIED');
  });
});

test('drip: a message of the greatest length in single bytes takes no quadratic time', () => {
  const { stream, notes } = reading(64 * 1024);
  const bytes = encodeMessage('x'.repeat(64 * 1024 - 2));
  const spent = spentMs(() => deliver(stream, bytes, [1]));
  assert.equal(notes.messages.length, 1);
  assert.ok(spent < 500, `${spent} ms`);
});
