import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HUBBLE_GUID_MAX_CHARS } from '../../limits.ts';
import { DATA_OVERHEAD_BYTES, readData, writeData, type DataView } from './data-message.ts';
import { readMessage } from './messages.ts';
import { pack } from './pack.ts';

const guid = 'f47ac10b-58cc-4372-a567-0e02b2c3d479';

function write(data: Buffer, id: string, order: number): Buffer {
  const bytes = Buffer.alloc(data.length + DATA_OVERHEAD_BYTES + 7);
  return bytes.subarray(7, writeData(bytes, 7, data, id, order));
}

function view(bytes: Buffer): DataView | null {
  const found = { guid: '', order: 0, start: 0, end: 0 };
  return readData(bytes, 0, bytes.length, found) ? found : null;
}

test('data is written as the originals write it: any bytes, as text of the old family', () => {
  const data = Buffer.alloc(40, 0x80);
  const hex = write(data, guid, 300).toString('hex');
  assert.ok(hex.startsWith(`0383a444617461da0028${'80'.repeat(40)}a447554944da0024`), hex);
  assert.ok(hex.endsWith('a54f72646572cd012c'), hex);
});

test('every length at which the form changes, and every byte value', () => {
  for (const length of [0, 1, 31, 32, 255, 256, 65_535, 65_536]) {
    const data = Buffer.from(Array.from({ length }, (_, i) => i & 255));
    const bytes = write(data, guid, 7);
    const found = view(bytes)!;
    assert.deepEqual([found.guid, found.order], [guid, 7]);
    assert.ok(bytes.subarray(found.start, found.end).equals(data), `${length}`);
    assert.ok((readMessage(bytes) as { data: Buffer }).data.equals(data), `${length}`);
  }
});

test('both ways of reading agree on whatever is written', () => {
  const orders = fc.oneof(
    fc.nat(),
    fc.constantFrom(1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1),
  );
  const ids = fc.string({ minLength: 1, maxLength: HUBBLE_GUID_MAX_CHARS, unit: 'grapheme-ascii' });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), ids, orders, (some, id, order) => {
      const data = Buffer.from(some);
      const bytes = write(data, id, order);
      assert.ok(bytes.length <= data.length + DATA_OVERHEAD_BYTES);
      assert.deepEqual(bytes, pack(3, { Data: data, GUID: id, Order: order }));
      const { start, end, ...rest } = view(bytes)!;
      assert.deepEqual(rest, { guid: id, order });
      assert.deepEqual(bytes.subarray(start, end), data);
      assert.deepEqual(readMessage(bytes), { type: 'data', guid: id, order, data });
    }),
  );
});

test('an order above 32 bits goes the long way, and is the same', () => {
  const bytes = write(Buffer.from('x'), guid, 2 ** 40);
  assert.equal(view(bytes), null);
  assert.equal((readMessage(bytes) as { order: number }).order, 2 ** 40);
});

test('a message cut short or continued is not read in place', () => {
  const bytes = write(Buffer.from('some data'), guid, 1_000);
  for (let length = 0; length < bytes.length; length++)
    assert.equal(view(bytes.subarray(0, length)), null, `${length}`);
  assert.equal(view(Buffer.concat([bytes, Buffer.of(0)])), null);
});

test('in place nothing is read that is not a message', () => {
  const valid = write(Buffer.from('some data'), guid, 1_000);
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(valid);
      changed[at] = value;
      const found = view(changed);
      // An id that none has: the session of it is not found.
      if (found === null || !/^[ -~]*$/.test(found.guid)) return;
      const whole = readMessage(changed) as { data: Buffer; order: number };
      assert.deepEqual(changed.subarray(found.start, found.end), whole.data);
      assert.equal(found.order, whole.order);
    }),
  );
});
