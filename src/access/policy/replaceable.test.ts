import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessRequest, Decision, Policy } from './policy.ts';
import { createReplaceablePolicy } from './replaceable.ts';

const question: AccessRequest = {
  action: 'connect',
  identity: null,
  service: 'box',
  target: null,
  consumer: '192.0.2.7:1',
  key: null,
};
const yes = { allow: true, reason: 'yes' };
const no = { allow: false, reason: 'no' };

/** One that refuses what is under way when it is closed, as it must. */
function slow(): Policy & { closed: boolean } {
  const refusal = Promise.withResolvers<Decision>();
  return {
    closed: false,
    authorize: () => refusal.promise,
    close() {
      this.closed = true;
      refusal.resolve(no);
    },
  };
}

test('questions under way are put to the policy that takes the place', async () => {
  const first = slow();
  const second = slow();
  const policy = createReplaceablePolicy(first);
  const decision = policy.authorize(question);
  policy.replace(second);
  assert.equal(first.closed, true);
  policy.replace({ authorize: () => yes, close() {} });
  assert.equal(second.closed, true);
  assert.deepEqual(await decision, yes);
  assert.deepEqual(policy.authorize(question), yes);
});

test('when it is closed they are refused', async () => {
  const policy = createReplaceablePolicy(slow());
  const decision = policy.authorize(question);
  policy.close();
  assert.deepEqual(await decision, no);
});
