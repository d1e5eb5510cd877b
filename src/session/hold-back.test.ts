import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SallyportError } from '../errors.ts';
import { HEADROOM, Slab } from '../net/slab.ts';
import { HoldBack } from './hold-back.ts';
import type { Stream, StreamReceiver } from './session.ts';

/** Bytes that arrive, as slabs that are overwritten right afterwards. */
function deliver(receiver: StreamReceiver, bytes: Buffer): void {
  const slab = new Slab(Buffer.concat([Buffer.alloc(HEADROOM + 1), bytes, Buffer.from('?')]), null);
  receiver.data(slab, HEADROOM + 1, HEADROOM + 1 + bytes.length);
  slab.bytes.fill(0xee);
}

/** A stream that is held back, and a receiver that writes down each call. */
function held() {
  const stream = {} as Stream;
  const hold = new HoldBack(stream);
  stream.receiver = hold;
  const calls: string[] = [];
  const next: StreamReceiver = {
    data(slab, start, end) {
      assert.equal(stream.receiver, next, 'who asks the stream finds the one that receives');
      assert.ok(start >= HEADROOM, 'with room for the headers in front');
      assert.ok(slab.shared, 'not to be retained');
      calls.push(`data ${slab.bytes.toString('latin1', start, end)}`);
    },
    finished: () => void calls.push('finished'),
    reset: ({ code }) => void calls.push(`reset ${code}`),
    drained: () => void calls.push('drained'),
  };
  return { stream, hold, calls, next };
}

test('what came is handed on in its order, and what comes then goes by', () => {
  const { stream, hold, calls, next } = held();
  deliver(stream.receiver, Buffer.from('one'));
  deliver(stream.receiver, Buffer.from('two'));
  assert.deepEqual(calls, []);
  hold.release(next);
  deliver(stream.receiver, Buffer.from('three'));
  stream.receiver.finished();
  assert.deepEqual(calls, ['data one', 'data two', 'data three', 'finished']);
});

test('whatever the pieces, the bytes are whole', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })), (pieces) => {
      const { stream, hold, calls, next } = held();
      for (const piece of pieces) deliver(stream.receiver, Buffer.from(piece));
      hold.release(next);
      const expected = pieces.map((piece) => `data ${Buffer.from(piece).toString('latin1')}`);
      assert.deepEqual(calls, expected);
    }),
  );
});

test('an end that came in the meantime comes behind the bytes', () => {
  const { stream, hold, calls, next } = held();
  deliver(stream.receiver, Buffer.from('all'));
  stream.receiver.finished();
  hold.release(next);
  assert.deepEqual(calls, ['data all', 'finished']);
});

test('a reset that came in the meantime is told, and no end with it', () => {
  const { stream, hold, calls, next } = held();
  deliver(stream.receiver, Buffer.from('some'));
  stream.receiver.finished();
  stream.receiver.drained();
  stream.receiver.reset(new SallyportError('LINK_LOST', 'link: gone'));
  hold.release(next);
  assert.deepEqual(calls, ['data some', 'reset LINK_LOST']);
});
