import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVouchedIdentity, type Identity } from '../access/identity.ts';
import { SERVICE_RULES_REMEMBERED_MAX } from '../limits.ts';
import { createServiceRules, unvouched } from './service-rules.ts';

test('the first rule that covers a name is the one, alone', () => {
  const rules = createServiceRules([
    { name: 'admin-*', authenticators: ['company'] },
    { name: '*', forwardAuthorization: true },
    { name: 'web', authenticators: ['never asked'] },
  ]);
  for (const _ of ['first', 'remembered']) {
    assert.deepEqual(rules.of('admin-1')?.authenticators, ['company']);
    assert.equal(rules.of('admin-1')?.forwardAuthorization, undefined);
    assert.equal(rules.of('web')?.name, '*');
  }
});

test('without a rule that covers it a service has none', () => {
  assert.equal(createServiceRules([]).of('web'), null);
  const rules = createServiceRules([{ name: 'web' }]);
  assert.equal(rules.of('Web'), null, 'case counts');
  assert.equal(rules.of('web2'), null);
});

test('rules put in place of others count at once, for names asked before too', () => {
  const rules = createServiceRules([{ name: 'web', authenticators: ['a'] }]);
  assert.deepEqual(rules.of('web')?.authenticators, ['a']);
  rules.replace([{ name: 'w*', authenticators: ['b'] }]);
  assert.deepEqual(rules.of('web')?.authenticators, ['b']);
  rules.replace([]);
  assert.equal(rules.of('web'), null);
});

test('names that consumers make up do not pile up, and get their rule all the same', () => {
  const rules = createServiceRules([{ name: 'x-*' }]);
  for (let i = 0; i < SERVICE_RULES_REMEMBERED_MAX * 2 + 10; i++) {
    assert.equal(rules.of(`x-${i}`)?.name, 'x-*');
    assert.equal(rules.of(`y-${i}`), null);
  }
});

test('a service is for those its authenticators vouch for', () => {
  const someone = (authority: string): Identity =>
    createVouchedIdentity({ name: 'ann', authority, roles: ['consumer'] })!;
  const rule = { name: '*', authenticators: ['company', 'partner'] };
  assert.equal(unvouched({ name: '*' }, null, 'web'), null);
  assert.equal(unvouched(rule, someone('partner'), 'web'), null);
  assert.equal(unvouched(rule, null, 'web')?.code, 'CONSUMER_AUTH');
  const foreign = unvouched(rule, someone('lab'), 'web');
  assert.equal(foreign?.code, 'DENIED');
  assert.match(foreign.message, /it takes the word of company or partner, not of lab/);
});
