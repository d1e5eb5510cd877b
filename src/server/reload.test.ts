import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveOptions } from './options.ts';
import { createReload, type LiveOption, type Preparations } from './reload.ts';

const initial: LiveOptions = {
  identities: [{ name: 'ann', token: 'sp_0123456789', roles: ['agent'], names: ['*'] }],
  balance: 'round-robin',
  trustedProxies: ['10.0.0.0/8'],
};

/** A reload that writes down what it does; options that are `bad` cannot be used. */
function recorded(bad: LiveOption[] = []) {
  const done: string[] = [];
  const preparation = (option: LiveOption) => (next: unknown) => {
    done.push(`prepare ${option}`);
    if (bad.includes(option)) throw new Error(`${option} is bad`);
    return () => void done.push(`take ${option} ${JSON.stringify(next)}`);
  };
  const preparations: Preparations = {
    identities: preparation('identities'),
    policy: preparation('policy'),
    limits: preparation('limits'),
    services: preparation('services'),
    maxConnections: preparation('maxConnections'),
    tls: preparation('tls'),
    trustedProxies: preparation('trustedProxies'),
    balance: preparation('balance'),
    drainGraceMs: preparation('drainGraceMs'),
    accessLog: preparation('accessLog'),
  };
  return { reload: createReload(initial, preparations), done };
}

test('what is the same is not touched', () => {
  const { reload, done } = recorded();
  assert.deepEqual(reload(structuredClone(initial)), []);
  assert.deepEqual(done, []);
});

test('all that is different is prepared before any of it is taken over', () => {
  const { reload, done } = recorded();
  const { trustedProxies: _none, ...rest } = initial;
  assert.deepEqual(reload({ ...rest, balance: 'least-streams' }), ['trustedProxies', 'balance']);
  assert.deepEqual(done, [
    'prepare trustedProxies',
    'prepare balance',
    'take trustedProxies undefined',
    'take balance "least-streams"',
  ]);
});

test('one that cannot be used: nothing is taken over, and the next attempt begins where the first did', () => {
  const { reload, done } = recorded(['balance']);
  const next: LiveOptions = { ...initial, trustedProxies: [], balance: 'least-streams' };
  assert.throws(() => reload(next), /balance is bad/);
  assert.throws(() => reload(next), /balance is bad/);
  assert.deepEqual(
    done.filter((line) => line.startsWith('take')),
    [],
  );
  assert.deepEqual(reload({ ...initial, trustedProxies: [] }), ['trustedProxies']);
});

test('the next reload compares with the last one', () => {
  const { reload } = recorded();
  assert.deepEqual(reload({ ...initial, accessLog: false }), ['accessLog']);
  assert.deepEqual(reload({ ...initial, accessLog: false }), []);
  assert.deepEqual(reload(initial), ['accessLog']);
});
