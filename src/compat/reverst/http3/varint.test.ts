import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readVarints, varint, VarintReader } from './varint.ts';

test('the examples of RFC 9000, appendix A.1, are read', () => {
  const examples: [string, number][] = [
    ['9d7f3e7d', 494_878_333],
    ['7bbd', 15_293],
    ['25', 37],
    ['4025', 37],
  ];
  for (const [hex, value] of examples)
    assert.deepEqual(readVarints(Buffer.from(hex, 'hex')), [value]);
  const large = readVarints(Buffer.from('c2197c5eff14e88c', 'hex'));
  assert.deepEqual(large, [Number(151_288_809_941_952_652n)]);
});

test('integers are written in their shortest form', () => {
  const sizes = [0, 63, 64, 16_383, 16_384, 2 ** 30 - 1, 2 ** 30, Number.MAX_SAFE_INTEGER].map(
    (value) => varint(value).length,
  );
  assert.deepEqual(sizes, [1, 1, 2, 2, 4, 4, 8, 8]);
});

test('what is written is read, and a cut off one is noticed', () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat()), (values) => {
      const bytes = Buffer.concat(values.map(varint));
      assert.deepEqual(readVarints(bytes), values);
    }),
  );
  assert.equal(readVarints(Buffer.from('9d7f3e', 'hex')), null);
});

test('a reader says when it stands within an integer', () => {
  const reader = new VarintReader();
  assert.equal(reader.feed(0x40), false);
  assert.equal(reader.partial, true);
  assert.equal(reader.feed(0x25), true);
  assert.equal(reader.partial, false);
  assert.equal(reader.value, 37);
});
