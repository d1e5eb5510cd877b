import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demand } from './demand.ts';
import { createDenyPolicy, createGrantPolicy } from './grant.ts';
import type { AccessRequest, Action } from './policy.ts';

const asked = (action: Action): AccessRequest => ({
  action,
  identity: null,
  service: 'box',
  target: null,
  consumer: '192.0.2.7:1',
  key: null,
});

test('what is allowed at once costs no turn', () => {
  assert.equal(demand(createGrantPolicy('test'), asked('http')), undefined);
});

test('a refusal is an error with the reason', () => {
  const messages: [Action, string][] = [
    ['connect', 'service box: closed'],
    ['http', 'service box: closed'],
    ['register', 'register service box: closed'],
    ['control', 'control box: closed'],
  ];
  for (const [action, message] of messages) {
    const refused = { code: 'DENIED', message };
    assert.throws(() => demand(createDenyPolicy('closed'), asked(action)), refused);
  }
});

test('so it is when it takes time', async () => {
  const later = (allow: boolean) => ({ authorize: async () => ({ allow, reason: 'later' }) });
  await demand(later(true), asked('http'));
  await assert.rejects(async () => demand(later(false), asked('http')), {
    code: 'DENIED',
    message: 'service box: later',
  });
});
