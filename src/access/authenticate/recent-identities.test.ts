import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createVouchedIdentity } from '../identity.ts';
import { keyOf, RecentIdentities } from './recent-identities.ts';

const someone = (name: string, expiresAt = Infinity) =>
  createVouchedIdentity({ name, authority: 'a', roles: [], expiresAt })!;

test('identity swap: other parts have another key, wherever the borders are', () => {
  const parts = fc.array(fc.option(fc.string({ unit: 'binary' })), { maxLength: 4 });
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      assert.equal(keyOf(one) === keyOf(other), JSON.stringify(one) === JSON.stringify(other));
    }),
  );
  assert.notEqual(keyOf(['ab', 'c']), keyOf(['a', 'bc']));
  assert.notEqual(keyOf(['']), keyOf([null]));
  assert.notEqual(keyOf([]), keyOf(['']));
});

test('an identity is remembered until the time that was said, and never beyond its end', () => {
  const recent = new RecentIdentities();
  const ann = someone('ann');
  recent.set('k', ann, 100);
  assert.equal(recent.get('k', 99), ann);
  assert.equal(recent.get('k', 100), null);
  recent.set('k', someone('bob', 50), 100);
  assert.equal(recent.get('k', 50), null);
  assert.equal(recent.get('other', 0), null);
});

test('beyond the limit the oldest is forgotten', () => {
  const recent = new RecentIdentities(2);
  for (const key of ['a', 'b', 'a', 'c']) recent.set(key, someone(key), 100);
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => recent.get(key, 0)?.name ?? null),
    ['a:a', null, 'a:c'],
  );
});
