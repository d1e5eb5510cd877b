import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUIC_RESETS_PER_SECOND } from '../../limits.ts';
import { createStatelessResets } from './stateless-reset.ts';

const key = Buffer.alloc(32, 1);
const id = Buffer.alloc(16, 2);

test('a reset ends with the token of its connection, and is shorter than what it answers', () => {
  const resets = createStatelessResets(key);
  const token = resets.token(id).toString(16).padStart(32, '0');
  for (const length of [22, 43, 44, 1_200]) {
    const reset = resets.answer(Buffer.alloc(length), id)!;
    assert.ok(reset.length < length);
    assert.equal(reset.subarray(-16).toString('hex'), token);
    assert.equal(reset[0] & 0xc0, 0x40);
  }
  assert.equal(resets.answer(Buffer.alloc(21), id), null);
});

test('the token is that of the key and the id, and of nothing else', () => {
  const { token } = createStatelessResets(key);
  assert.equal(createStatelessResets(Buffer.from(key)).token(id), token(id));
  assert.notEqual(token(Buffer.alloc(16, 3)), token(id));
  assert.notEqual(createStatelessResets(Buffer.alloc(32, 4)).token(id), token(id));
});

test('strangers are answered so often in a second and no more', () => {
  let at = 5_000;
  const resets = createStatelessResets(key, () => at);
  const answers = (): number =>
    Array.from({ length: 2 * QUIC_RESETS_PER_SECOND }, () =>
      resets.answer(Buffer.alloc(100), id),
    ).filter((answer) => answer !== null).length;
  assert.equal(answers(), QUIC_RESETS_PER_SECOND);
  at += 1_000;
  assert.equal(answers(), QUIC_RESETS_PER_SECOND);
});
