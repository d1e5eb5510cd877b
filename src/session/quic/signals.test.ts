import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SallyportError } from '../../errors.ts';
import { SeenIds } from './seen-ids.ts';
import {
  encodeClose,
  encodeGoAway,
  encodePing,
  encodePong,
  encodeReset,
  SignalReader,
} from './signals.ts';

function reading(): { told: unknown[][]; reader: SignalReader } {
  const told: unknown[][] = [];
  const reader = new SignalReader({
    ping: (value) => void told.push(['ping', value]),
    pong: (value) => void told.push(['pong', value]),
    goAway: () => void told.push(['go away']),
    resetStream: (id) => void told.push(['reset', id]),
    close: (error, bytes) => void told.push(['close', error?.code, error?.message, bytes]),
  });
  return { told, reader };
}

test('signals are read in whatever pieces they come', () => {
  const all = Buffer.concat([
    encodePing(7),
    encodePong(2 ** 40),
    encodeGoAway(),
    encodeReset(65_532),
    encodeClose(new SallyportError('REPLACED', 'session: a newer one'), 123_456_789_012),
    encodeClose(null, 0),
  ]);
  const expected = [
    ['ping', 7],
    ['pong', 2 ** 40],
    ['go away'],
    ['reset', 65_532],
    ['close', 'REPLACED', 'session: a newer one', 123_456_789_012],
    ['close', undefined, undefined, 0],
  ];
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (sizes) => {
      const { told, reader } = reading();
      for (let at = 0, i = 0; at < all.length; i++) {
        const end = at + sizes[i % sizes.length];
        reader.feed(Buffer.from(all.subarray(at, end)));
        at = end;
      }
      assert.deepEqual(told, expected);
    }),
  );
});

test('what is no signal is a violation, and what is kept is bounded', () => {
  for (const bytes of ['090006000000000001', '0103', '010005', '030001', '0100070', '05ffff']) {
    const { reader } = reading();
    const whole = Buffer.concat([Buffer.from(bytes, 'hex'), Buffer.alloc(8, 0xff)]);
    assert.throws(() => reader.feed(whole), { code: 'PROTOCOL_FRAME' }, bytes);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const { reader } = reading();
      try {
        reader.feed(Buffer.from(bytes));
      } catch (thrown) {
        assert.equal((thrown as SallyportError).code, 'PROTOCOL_FRAME');
      }
    }),
  );
});

test('each id is seen once, in whatever order they come', () => {
  const ids = Array.from({ length: 40 }, (_, i) => 4 * i + 1);
  fc.assert(
    fc.property(fc.shuffledSubarray(ids, { minLength: 40 }), (order) => {
      const seen = new SeenIds(1);
      assert.ok(order.every((id) => seen.add(id)));
      assert.ok(order.every((id) => !seen.add(id)));
    }),
  );
});
