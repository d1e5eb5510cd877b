import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createIdentity } from '../identity.ts';
import type { AccessRequest, Decision, Policy, Step } from './policy.ts';
import { createRulesPolicy } from './rules.ts';
import type { RuleOptions } from './rule.ts';

const ann = createIdentity({
  name: 'ann',
  authority: 'tokens',
  roles: ['consumer'],
  names: ['*'],
  targets: ['*:*'],
});

const question: AccessRequest = {
  action: 'connect',
  identity: ann,
  service: 'db-1',
  target: null,
  consumer: '192.0.2.7:4711',
  key: null,
};

const friday = Date.parse('2026-11-20T10:00:00Z');

function rules(list: readonly RuleOptions[], next: Policy | null = null): Policy {
  return createRulesPolicy({ rules: list, place: 'policy[0]', next, now: () => friday });
}

function ask(policy: Policy, asked: Partial<AccessRequest> = {}): Decision {
  const decision = policy.authorize({ ...question, ...asked });
  assert.ok(!(decision instanceof Promise), 'rules decide at once');
  return decision;
}

describe('a condition holds, or does not', () => {
  const target = (host: string, port = 5432) => ({ target: { host, port } });
  const cases: [Omit<RuleOptions, 'effect'>, Partial<AccessRequest>, boolean][] = [
    [{}, {}, true],
    [{}, { identity: null }, true],
    [{ actions: ['connect', 'http'] }, {}, true],
    [{ actions: ['register'] }, {}, false],
    [{ services: ['db-*'] }, {}, true],
    [{ services: ['web', 'db'] }, {}, false],
    [{ services: ['kick-*'] }, { action: 'control', service: 'kick-client' }, true],
    [{ who: ['a*'] }, {}, true],
    [{ who: ['bob'] }, {}, false],
    [{ who: ['*'] }, { identity: null }, false],
    [{ roles: ['agent', 'consumer'] }, {}, true],
    [{ roles: ['agent'] }, {}, false],
    [{ roles: ['consumer'] }, { identity: null }, false],
    [{ targets: ['own'] }, {}, true],
    [{ targets: ['own'] }, target('10.0.0.1'), false],
    [{ targets: ['10.0.0.0/8:5432'] }, {}, false],
    [{ targets: ['10.0.0.0/8:5432'] }, target('10.1.2.3'), true],
    [{ targets: ['10.0.0.0/8:5432'] }, target('10.1.2.3', 22), false],
    [{ targets: ['10.0.0.0/8:5432'] }, target('db.internal'), false],
    [{ targets: ['*.internal:*'] }, target('db.internal'), true],
    [{ targets: ['own', '[fd00::/8]:5432'] }, target('fd00::1'), true],
    [{ consumers: ['192.0.2.0/24'] }, {}, true],
    [{ consumers: ['10.0.0.0/8', '2001:db8::/32'] }, {}, false],
    [{ consumers: ['2001:db8::/32'] }, { consumer: '[2001:db8::1]:5' }, true],
    [{ consumers: ['2001:db8::/32'] }, { consumer: '2001:db8::1' }, true],
    [{ consumers: ['192.0.2.7'] }, { consumer: '[::ffff:192.0.2.7]:5' }, true],
    [{ hours: ['fri'] }, {}, true],
    [{ hours: ['fri 10:00-11:00'], timeZone: 'Europe/Berlin' }, {}, false],
    [{ who: ['ann'], services: ['db-*'], actions: ['connect'] }, {}, true],
    [{ who: ['ann'], services: ['web'], actions: ['connect'] }, {}, false],
  ];
  for (const [conditions, asked, holds] of cases) {
    const name = `${JSON.stringify(conditions)} for ${JSON.stringify(asked)}`;
    test(`${name}: ${holds}`, () => {
      assert.equal(ask(rules([{ ...conditions, effect: 'allow' }]), asked).allow, holds);
    });
  }
});

test('the first rule that matches decides, and says so', () => {
  const policy = rules([
    { services: ['web'], effect: 'deny' },
    { name: 'databases', services: ['db-*'], effect: 'allow' },
    { effect: 'deny' },
  ]);
  assert.deepEqual(ask(policy), {
    allow: true,
    reason: 'policy[0].rules[1] "databases" allows it',
  });
  assert.deepEqual(ask(policy, { service: 'web' }), {
    allow: false,
    reason: 'policy[0].rules[0] denies it',
  });
});

test('when none matches it is a refusal', () => {
  const none = { allow: false, reason: 'no rule of policy[0] matches' };
  assert.deepEqual(ask(rules([{ services: ['web'], effect: 'allow' }])), none);
  assert.deepEqual(ask(rules([])), none);
});

describe('what a rule cannot read it refuses, so that nobody slips past it by an odd spelling', () => {
  const deny: RuleOptions = { targets: ['169.254.0.0/16:*'], effect: 'deny' };
  const policy = rules([deny, { effect: 'allow' }]);
  for (const host of [
    '2852039166',
    '0xa9fea9fe',
    '::ffff:169.254.169.254',
    '169.254.169.254.',
    'A.b',
  ])
    test(`target ${host}`, () => {
      const { allow, reason } = ask(policy, { target: { host, port: 80 } });
      assert.deepEqual([allow, /cannot be applied: target/.test(reason)], [false, true]);
    });

  test('a consumer that is no address', () => {
    const byConsumer = rules([
      { consumers: ['192.0.2.0/24'], effect: 'deny' },
      { effect: 'allow' },
    ]);
    for (const consumer of ['', 'unknown', 'example.com:80', 'unix:/x']) {
      const { allow, reason } = ask(byConsumer, { consumer });
      assert.deepEqual([allow, /cannot be applied: consumer/.test(reason)], [false, true]);
    }
  });

  test('but rules that do not ask for it are not in the way', () => {
    assert.equal(ask(rules([{ effect: 'allow' }]), { consumer: 'unknown' }).allow, true);
  });
});

test('a rule can put the question to the next policy', () => {
  const asked: AccessRequest[] = [];
  let closed = 0;
  const next: Policy = {
    authorize(request) {
      asked.push(request);
      return { allow: true, reason: 'the next one' };
    },
    close: () => void closed++,
  };
  const policy = rules([{ services: ['db-*'], effect: 'ask' }, { effect: 'deny' }], next);
  assert.deepEqual(ask(policy), { allow: true, reason: 'the next one' });
  assert.equal(ask(policy, { service: 'web' }).allow, false);
  assert.deepEqual(asked, [question]);
  policy.close();
  assert.equal(closed, 1);
});

test('and where there is none, that is a refusal', () => {
  assert.equal(ask(rules([{ effect: 'ask' }])).allow, false);
});

test('every step is told, with what kept a rule from matching', () => {
  const steps: Step[] = [];
  const policy = rules([
    { actions: ['register'], effect: 'allow' },
    { services: ['web', 'shop'], effect: 'allow' },
    { who: ['bob'], effect: 'allow' },
    { roles: ['agent'], effect: 'allow' },
    { targets: ['10.0.0.0/8:22'], effect: 'allow' },
    { consumers: ['10.0.0.0/8'], effect: 'allow' },
    { hours: ['mon'], timeZone: 'Europe/Berlin', effect: 'allow' },
    { name: 'rest', effect: 'deny' },
  ]);
  void policy.authorize({ ...question, target: { host: '10.0.0.1', port: 23 } }, (step) =>
    steps.push(step),
  );
  assert.deepEqual(
    steps.map(({ place, outcome }) => `${place} ${outcome}`),
    [
      'policy[0].rules[0] does not match: action connect is none of register',
      'policy[0].rules[1] does not match: service "db-1" is none of web shop',
      'policy[0].rules[2] does not match: identity "ann" is none of bob',
      'policy[0].rules[3] does not match: identity "ann" has none of the roles agent',
      'policy[0].rules[4] does not match: target "10.0.0.1:23" is none of 10.0.0.0/8:22',
      'policy[0].rules[5] does not match: consumer "192.0.2.7:4711" is in none of 10.0.0.0/8',
      'policy[0].rules[6] does not match: it is fri 11:00 in Europe/Berlin, outside of mon',
      'policy[0].rules[7] "rest" matches and denies it',
    ],
  );
});

test('no step and no reason holds the key', () => {
  const told: string[] = [];
  const policy = rules([{ who: ['bob'], effect: 'allow' }]);
  const { reason } = policy.authorize({ ...question, key: 'CANARY' }, ({ place, outcome }) =>
    told.push(place, outcome),
  ) as Decision;
  assert.doesNotMatch([...told, reason].join(), /CANARY/);
});

test('rules that are none are refused', () => {
  for (const wrong of [
    { targets: ['nonsense'] },
    { consumers: ['300.0.0.0/8'] },
    { hours: ['always'] },
    { hours: ['fri'], timeZone: 'Mars' },
  ])
    assert.throws(() => rules([{ ...wrong, effect: 'allow' }]), { code: 'USAGE' });
});
