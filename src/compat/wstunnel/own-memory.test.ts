import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeOwnMemory } from './own-memory.ts';

test('memory that a buffer has to itself is freed', () => {
  const bytes = Buffer.alloc(100_000, 'x');
  freeOwnMemory(bytes);
  assert.equal(bytes.buffer.byteLength, 0);
});

test('memory that a buffer shares stays', () => {
  const bytes = Buffer.alloc(100_000, 'x');
  freeOwnMemory(bytes.subarray(1));
  freeOwnMemory(bytes.subarray(0, -1));
  assert.equal(bytes.toString('latin1'), 'x'.repeat(100_000));
});
