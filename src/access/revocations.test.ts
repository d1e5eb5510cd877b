import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REVOKED_IDENTITIES_MAX } from '../limits.ts';
import { allScopes, createIdentity } from './identity.ts';
import { createRevocations } from './revocations.ts';

const ann = createIdentity({ name: 'ann', authority: 'tokens', ...allScopes });

test('who is revoked is nobody until it is restored', () => {
  const revocations = createRevocations();
  assert.equal(revocations.admit(ann), ann);
  revocations.revoke('ann');
  revocations.revoke('ann');
  assert.deepEqual([revocations.admit(ann), revocations.admit(null)], [null, null]);
  assert.deepEqual([revocations.has('ann'), revocations.names], [true, ['ann']]);
  assert.equal(revocations.restore('ann'), true);
  assert.equal(revocations.restore('ann'), false);
  assert.equal(revocations.admit(ann), ann);
});

test(`no more than ${REVOKED_IDENTITIES_MAX} at a time`, () => {
  const revocations = createRevocations();
  for (let i = 0; i < REVOKED_IDENTITIES_MAX; i++) revocations.revoke(`i${i}`);
  assert.throws(() => revocations.revoke('ann'), { code: 'SERVER_BUSY' });
  revocations.revoke('i0');
});
