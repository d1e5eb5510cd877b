import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SallyportError } from '../../errors.ts';
import { parseId, writeId } from './message-id.ts';

test('ids are four digits, and come back', () => {
  const bytes = Buffer.alloc(6);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7fff }), (id) => {
      writeId(bytes, 1, id);
      assert.match(bytes.toString('latin1', 1, 5), /^[0-9a-f]{4}$/);
      assert.equal(parseId(bytes.toString('latin1', 1, 5)), id);
    }),
  );
  writeId(bytes, 0, 31_999);
  assert.equal(bytes.toString('latin1', 0, 4), '7cff');
});

test('what is none is refused', () => {
  for (const text of [
    '',
    '1',
    '001',
    '00001',
    'zzzz',
    '-001',
    '+001',
    ' 001',
    '0x01',
    '8000',
    'ffff',
  ])
    assert.throws(
      () => parseId(text),
      (thrown) => thrown instanceof SallyportError && thrown.code === 'PROTOCOL_MESSAGE',
      text,
    );
});
