import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveOptions } from './options.ts';
import { createReload, type LiveOption, type Preparation } from './reload.ts';

const initial: LiveOptions = {
  identities: [{ name: 'ann', token: 'sp_0123456789', roles: ['agent'], names: ['*'] }],
  balance: 'round-robin',
  trustedProxies: ['10.0.0.0/8'],
};

/** A reload that writes down what it does; options that are `bad` cannot be used. */
function recorded(bad: LiveOption[] = []) {
  const done: string[] = [];
  const preparation = (...options: LiveOption[]): Preparation => {
    return (next) => {
      done.push(`prepare ${options.join()}`);
      const wrong = options.find((option) => bad.includes(option));
      if (wrong !== undefined) throw new Error(`${wrong} is bad`);
      const values = options.map((option) => JSON.stringify(next[option]));
      return () => void done.push(`take ${options.join()}: ${values.join()}`);
    };
  };
  const admission = preparation('identities', 'services');
  const reload = createReload(
    initial,
    {
      identities: admission,
      services: admission,
      authenticators: preparation('authenticators'),
      policy: preparation('policy'),
      limits: preparation('limits'),
      maxConnections: preparation('maxConnections'),
      tls: preparation('tls'),
      trustedProxies: preparation('trustedProxies'),
      balance: preparation('balance'),
      drainGraceMs: preparation('drainGraceMs'),
      accessLog: preparation('accessLog'),
    },
    () => void done.push('rejudge'),
  );
  return { reload, done };
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
    'take trustedProxies: ',
    'take balance: "least-streams"',
  ]);
});

test('options that belong together are taken over together, and judged by once', () => {
  const { reload, done } = recorded();
  const next: LiveOptions = { ...initial, identities: [], services: [], authenticators: [] };
  assert.deepEqual(reload(next), ['identities', 'services', 'authenticators']);
  assert.deepEqual(done, [
    'prepare identities,services',
    'prepare authenticators',
    'take identities,services: [],[]',
    'take authenticators: []',
    'rejudge',
  ]);
});

test('one that cannot be used: nothing is taken over, and the next attempt begins where the first did', () => {
  const { reload, done } = recorded(['balance']);
  const next: LiveOptions = { ...initial, identities: [], balance: 'least-streams' };
  assert.throws(() => reload(next), /balance is bad/);
  assert.throws(() => reload(next), /balance is bad/);
  assert.deepEqual(
    done.filter((line) => !line.startsWith('prepare')),
    [],
  );
  assert.deepEqual(reload({ ...initial, identities: [] }), ['identities']);
});

test('the next reload compares with the last one', () => {
  const { reload } = recorded();
  assert.deepEqual(reload({ ...initial, accessLog: false }), ['accessLog']);
  assert.deepEqual(reload({ ...initial, accessLog: false }), []);
  assert.deepEqual(reload(initial), ['accessLog']);
});
