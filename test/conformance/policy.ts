/** What every policy promises, as one suite: a file for each driver runs it. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { AccessRequest, Policy, Step } from '../../src/access/policy/policy.ts';
import { decide, question } from '../support/policies.ts';
import { within } from '../support/wait.ts';

/** The services that a policy under test knows. All others it denies. */
export const services = {
  allowed: 'good',
  denied: 'bad',
  /** What decides about it fails, at once. */
  failing: 'fail',
  /** What decides about it answers something that is no decision. */
  senseless: 'nonsense',
  /** What decides about it never comes to an end by itself. */
  endless: 'endless',
};

export interface PolicySuiteOptions {
  /**
   * False where every answer is made in the process, by code of ours, at once: such a policy cannot
   * fail, talk nonsense or hang.
   */
  readonly asksOthers: boolean;
}

/** Runs the suite. What `make` opens ends with the test; an endless question is refused within seconds. */
export function policyConformance(
  name: string,
  make: (t: TestContext) => Promise<Policy>,
  { asksOthers }: PolicySuiteOptions,
): void {
  const wrong = asksOthers ? ['failing', 'senseless', 'endless'] : [];
  const others = wrong.map((what) => services[what as keyof typeof services]);

  describe(`policy: ${name}`, () => {
    test('what it allows and what it denies has a reason', async (t) => {
      const policy = await make(t);
      for (const [service, allow] of [
        [services.allowed, true],
        [services.denied, false],
        ['unheard-of', false],
      ] as const) {
        const decision = await decide(policy, { service });
        assert.equal(decision.allow, allow, service);
        assert.notEqual(decision.reason, '');
      }
    });

    test('every action is asked about in the same way', async (t) => {
      const policy = await make(t);
      for (const action of ['register', 'connect', 'http', 'control'] as const) {
        assert.equal((await decide(policy, { action, service: services.allowed })).allow, true);
        assert.equal((await decide(policy, { action, service: services.denied })).allow, false);
      }
    });

    test('names with anything in them are names', async (t) => {
      const policy = await make(t);
      for (const service of [
        '',
        '*',
        'good ',
        'good\0',
        'GOOD',
        '"',
        "'",
        '\\',
        '\n',
        ']]',
        '😀',
        'x'.repeat(10_000),
      ])
        assert.equal((await decide(policy, { service })).allow, false, JSON.stringify(service));
    });

    for (const service of others) {
      test(`fails closed: ${service}`, async (t) => {
        const policy = await make(t);
        const { allow, reason } = await within(10_000, decide(policy, { service }));
        assert.equal(allow, false);
        assert.notEqual(reason, '');
        assert.equal((await decide(policy, { service: services.allowed })).allow, true);
      });
    }

    test('questions at once get their own answers', async (t) => {
      const policy = await make(t);
      const mixed = [...others, services.allowed, services.denied, ...others, services.allowed];
      const asked = Array.from({ length: 60 }, (_, i) => mixed[i % mixed.length]);
      const decisions = await within(
        20_000,
        Promise.all(asked.map((service) => decide(policy, { service }))),
      );
      assert.deepEqual(
        decisions.map(({ allow }) => allow),
        asked.map((service) => service === services.allowed),
      );
    });

    test('the key is in no reason and in no step', async (t) => {
      const policy = await make(t);
      for (const service of Object.values(services)) {
        const steps: Step[] = [];
        const asked: AccessRequest = { ...question, service, key: 'CANARY' };
        const { reason } = await policy.authorize(asked, (step) => steps.push(step));
        assert.doesNotMatch(JSON.stringify([reason, steps]), /CANARY/);
        assert.notEqual(steps.length, 0, 'how the decision came about is told');
      }
    });

    test('reasons are one line that does no harm', async (t) => {
      const policy = await make(t);
      for (const service of Object.values(services)) {
        const { reason } = await decide(policy, { service, key: 'k' });
        assert.doesNotMatch(reason, /[\p{Cc}\p{Cf}\p{Cs}]/u);
        assert.ok(reason.length < 400);
      }
    });

    test('once it is closed, what it has to ask others is refused', async (t) => {
      const policy = await make(t);
      const under = others.map((service) => decide(policy, { service }));
      policy.close();
      for (const { allow } of await within(2_000, Promise.all(under))) assert.equal(allow, false);
      if (asksOthers)
        assert.equal((await decide(policy, { service: services.allowed })).allow, false);
      policy.close();
    });
  });
}
