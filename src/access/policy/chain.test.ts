import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { temporaryFile } from '../../../test/support/files.ts';
import { question, startService } from '../../../test/support/policies.ts';
import { chainFaults, type PolicyLink } from './chain-faults.ts';
import { createPolicyChain } from './chain.ts';
import type { AccessRequest, Policy, Step } from './policy.ts';

async function create(t: TestContext, links: readonly PolicyLink[]): Promise<Policy> {
  const policy = await createPolicyChain(links);
  t.after(() => policy.close());
  return policy;
}

test('without a link it allows everything', async (t) => {
  const policy = await create(t, []);
  const decision = { allow: true, reason: 'no policy is configured' };
  assert.deepEqual(await policy.authorize(question), decision);
});

test('the same answer to everything', async (t) => {
  const deny = await create(t, [{ always: 'deny' }]);
  const refusal = { allow: false, reason: 'policy[0] denies everything' };
  assert.deepEqual(await deny.authorize(question), refusal);
  const allow = await create(t, [{ always: 'allow' }]);
  assert.equal((await allow.authorize(question)).allow, true);
});

test('rules first, then rules, then a script; each decides what the one before it leaves', async (t) => {
  const lua = temporaryFile(t, 'a.lua', 'function connect(r) return r:gatename() == "yes" end');
  const policy = await create(t, [
    { rules: [{ services: ['web'], effect: 'allow' }, { effect: 'ask' }] },
    {
      rules: [
        { services: ['vault'], effect: 'deny' },
        { services: ['*'], effect: 'ask' },
      ],
    },
    { lua },
  ]);
  const asked = async (service: string): Promise<[boolean, string]> => {
    const steps: Step[] = [];
    const request: AccessRequest = { ...question, service };
    const { allow } = await policy.authorize(request, (step) => steps.push(step));
    return [allow, steps.map(({ place }) => place).join(', ')];
  };
  const [first, second, third] = ['policy[0].rules[0]', 'policy[0].rules[1]', 'policy[1].rules[0]'];
  assert.deepEqual(await asked('web'), [true, first]);
  assert.deepEqual(await asked('vault'), [false, `${first}, ${second}, ${third}`]);
  const whole = `${first}, ${second}, ${third}, policy[1].rules[1], policy[2] a.lua`;
  assert.deepEqual(await asked('yes'), [true, whole]);
  assert.deepEqual(await asked('no'), [false, whole]);
});

test('rules, then a service', async (t) => {
  const url = await startService(t, (_, response) => response.end('{"allow": true}'));
  const policy = await create(t, [{ rules: [{ effect: 'ask' }] }, { http: url.href }]);
  assert.equal((await policy.authorize(question)).allow, true);
});

describe('links that do not go together are refused, with their place', () => {
  const ask: PolicyLink = { rules: [{ effect: 'allow' }, { effect: 'ask' }] };
  const rules: PolicyLink = { rules: [{ effect: 'allow' }] };
  const cases: [PolicyLink[], string][] = [
    [[{}], 'policy[0]: must have exactly one of the keys rules, lua, http, always'],
    [[{ lua: 'a', http: 'b' }], 'policy[0]: must have exactly one of the keys'],
    [[{ rules: [] }], 'policy[0].rules: has no rule'],
    [[ask], 'policy[0].rules[1].effect: asks nobody'],
    [
      [rules, { always: 'allow' }],
      'policy[1]: is never asked: no rule before it has the effect ask',
    ],
    [[{ always: 'allow' }, rules], 'policy[1]: is never asked: always decides everything'],
    [[ask, { lua: 'a.lua' }, rules], 'policy[2]: is never asked: lua decides everything'],
  ];
  for (const [links, message] of cases) {
    test(message, async () => {
      await assert.rejects(createPolicyChain(links), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CONFIG_INVALID');
        assert.ok(error.message.startsWith(message), error.message);
        return true;
      });
      assert.equal(chainFaults(links).length, 1);
    });
  }
});

test('a chain that cannot be made leaves nothing running', async (t) => {
  const lua = temporaryFile(t, 'a.lua', 'function connect() return true end');
  const links: PolicyLink[] = [
    { rules: [{ hours: ['never'], effect: 'allow' }, { effect: 'ask' }] },
    { lua },
  ];
  await assert.rejects(createPolicyChain(links), { code: 'USAGE' });
  await assert.rejects(createPolicyChain([{ lua: '/nowhere/a.lua' }]), { code: 'CONFIG_INVALID' });
});
