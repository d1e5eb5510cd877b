import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createIdentities, type IdentityOptions } from './identities.ts';
import { allScopes } from './identity.ts';
import { digest, hashToken } from './tokens.ts';

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

const list: IdentityOptions[] = [
  { ...allScopes, name: 'ada', token: 'token-of-ada' },
  { ...allScopes, name: 'bob', tokenHash: hashToken('token-of-bob') },
  { ...allScopes, name: 'cyd', token: 'with:colon,and/more=', tokenHash: hashToken('cyd-next') },
  { ...allScopes, name: 'dan', tokenHashes: [hashToken('dan-1'), hashToken('dan-2')] },
];

describe('authenticate', () => {
  const identities = createIdentities(list);
  const who = (value: string | null): string | null => identities.authenticate(value)?.name ?? null;

  const known: [string, string][] = [
    ['Bearer token-of-ada', 'ada'],
    ['bearer  token-of-bob', 'bob'],
    ['Bearer with:colon,and/more=', 'cyd'],
    [basic('ada', 'token-of-ada'), 'ada'],
    [basic('bob', 'token-of-bob').replace('Basic', 'BASIC'), 'bob'],
    [basic('cyd', 'with:colon,and/more='), 'cyd'],
    ['Bearer cyd-next', 'cyd'],
    ['Bearer dan-1', 'dan'],
    [basic('dan', 'dan-2'), 'dan'],
  ];
  for (const [value, name] of known) test(value, () => assert.equal(who(value), name));

  test('a token under another user name is refused', () => {
    for (const user of ['bob', '', 'Ada', 'ada ', 'nobody'])
      assert.equal(who(basic(user, 'token-of-ada')), null, user);
  });

  test('two credentials at once are refused, however they were joined', () => {
    const one = 'Bearer token-of-ada';
    for (const value of [
      `${one}, ${one}`,
      `${one},${one}`,
      `${one} token-of-ada`,
      `${one}\n${one}`,
      `${basic('ada', 'token-of-ada')}, ${one}`,
      `${one}, ${basic('ada', 'token-of-ada')}`,
    ]) {
      assert.equal(who(value), null, value);
    }
  });

  test('anything else is nobody', () => {
    const values = [
      null,
      '',
      'Bearer',
      'Bearer ',
      'Basic ',
      'token-of-ada',
      'Digest token-of-ada',
      'Bearertoken-of-ada',
      ' Bearer token-of-ada',
      'Bearer token-of-ada ',
      'Bearer\ttoken-of-ada',
      'Bearer token-of-ad',
      'Bearer token-of-adaa',
      `Bearer ${hashToken('token-of-bob')}`,
      'Basic !!!',
      `Basic ${btoa('ada')}`,
      `${basic('ada', 'token-of-ada')}=`,
      basic('ada', 'token-of-ada').replace(/=+$/, ''),
      basic('ada', ''),
    ];
    for (const value of values) assert.equal(who(value), null, String(value));
  });

  test('nobody gets in by chance', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String().map((text) => `Basic ${text}`),
        ),
        (value) => assert.equal(who(value), null),
      ),
    );
  });
});

test('user enumeration by timing: the same comparisons whoever asks, and for nobody', (t) => {
  const identities = createIdentities(list);
  const equal = t.mock.method(crypto, 'timingSafeEqual');
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  for (const value of [
    'Bearer token-of-ada',
    'Bearer wrong',
    basic('ada', 'wrong'),
    basic('nobody', 'wrong'),
    basic('cyd', 'with:colon,and/more='),
  ]) {
    equal.mock.resetCalls();
    identities.authenticate(value);
    assert.equal(equal.mock.callCount(), 2, value);
  }
});

describe('createIdentities refuses', () => {
  const base = { name: 'ada', token: 'secret', roles: ['agent'] } as const;
  const cases: [string, IdentityOptions[]][] = [
    ['an empty token', [{ ...base, token: '' }]],
    ['no secret', [{ name: 'ada', roles: ['agent'] }]],
    ['a secret given twice', [{ ...base, tokenHash: hashToken('secret') }]],
    ['an empty list of hashes', [{ name: 'ada', roles: ['agent'], tokenHashes: [] }]],
    [
      'the hash of an empty token',
      [{ ...base, tokenHashes: [`sha256:${digest('').toString('hex')}`] }],
    ],
    ['a name used twice', [base, { ...base, token: 'other' }]],
    [
      'a token held by two',
      [base, { name: 'bob', tokenHash: hashToken('secret'), roles: ['agent'] }],
    ],
    ['no role', [{ ...base, roles: [] }]],
    ['an empty name', [{ ...base, name: '' }]],
    ['a name that Basic cannot carry', [{ ...base, name: 'a:b' }]],
    ['a name with controls', [{ ...base, name: 'a\u001b[2J' }]],
  ];
  for (const [what, options] of cases) {
    test(what, () => assert.throws(() => createIdentities(options), { code: 'CONFIG_INVALID' }));
  }

  test('malformed scopes', () => {
    assert.throws(() => createIdentities([{ ...base, ports: ['ssh'] }]), { code: 'USAGE' });
    assert.throws(() => createIdentities([{ ...base, targets: ['host'] }]), { code: 'USAGE' });
  });
});

describe('identities put in place of others', () => {
  const ada = { name: 'ada', roles: ['agent'], names: ['a-*'] } as const;
  const bob = { name: 'bob', roles: ['consumer'], token: 'token-of-bob' } as const;

  test('a token that stays is the same identity, with the scopes of today', () => {
    const identities = createIdentities([{ ...ada, token: 'old' }, bob]);
    const before = identities.authenticate('Bearer old')!;
    assert.equal(identities.current(before), before);
    identities.replace([bob, { ...ada, tokenHashes: [hashToken('old'), hashToken('new')] }]);
    const same = identities.current(before)!;
    assert.notEqual(same, before);
    assert.equal(same.fingerprint, before.fingerprint);
    identities.replace([{ ...ada, names: ['*'], token: 'old' }]);
    const wider = identities.current(before)!;
    assert.notEqual(wider.fingerprint, before.fingerprint);
    assert.ok(wider.names.match('anything'));
    assert.equal(identities.current(same), wider, 'what was current is followed too');
  });

  test('a token that is gone is nobody, though its name stays', () => {
    const identities = createIdentities([
      { ...ada, token: 'old', tokenHash: hashToken('new') },
      bob,
    ]);
    const old = identities.authenticate('Bearer old')!;
    const next = identities.authenticate('Bearer new')!;
    identities.replace([{ ...ada, token: 'new' }]);
    assert.equal(identities.current(old), null);
    assert.equal(identities.current(next)?.name, 'ada');
    assert.equal(identities.authenticate('Bearer old'), null);
    assert.equal(identities.authenticate('Bearer token-of-bob'), null);
  });

  test('a token that somebody else holds now is not that one', () => {
    const identities = createIdentities([{ ...ada, token: 'passed-on' }]);
    const before = identities.authenticate('Bearer passed-on')!;
    identities.replace([{ ...bob, token: 'passed-on' }]);
    assert.equal(identities.current(before), null);
  });

  test('a list that cannot be used changes nothing', () => {
    const identities = createIdentities([bob]);
    assert.throws(() => identities.replace([bob, bob]), { code: 'CONFIG_INVALID' });
    assert.equal(identities.authenticate('Bearer token-of-bob')?.name, 'bob');
    assert.deepEqual(
      identities.list().map(({ name }) => name),
      ['bob'],
    );
  });

  test('an identity of another authority is not known', () => {
    const identities = createIdentities([bob]);
    const other = createIdentities([bob]).authenticate('Bearer token-of-bob')!;
    assert.equal(identities.current(other), null);
  });
});
