/** What every authenticator promises; the doc comment of the seam in words a machine checks. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { Authenticator, Credentials } from '../../src/access/authenticator.ts';
import { createVouchedIdentity } from '../../src/access/identity.ts';
import type { SallyportError } from '../../src/errors.ts';
import { credentials } from '../support/credentials.ts';

export interface AuthenticatorUnderTest {
  readonly authenticator: Authenticator;
  /** Credentials that let in, with the identity's name. */
  readonly right: readonly (readonly [Credentials, string])[];
  /** Credentials that do not. */
  readonly wrong: readonly Credentials[];
  /** From now on it cannot find out about credentials it has not seen; absent for one that asks nobody. */
  readonly cut?: () => void;
  /** It lets everybody in. */
  readonly open?: true;
}

export function authenticatorConformance(
  kind: string,
  make: (t: TestContext) => Promise<AuthenticatorUnderTest>,
): void {
  const setUp = async (t: TestContext): Promise<AuthenticatorUnderTest> => {
    const made = await make(t);
    t.after(() => made.authenticator.close());
    return made;
  };

  describe(`authenticator ${kind}`, () => {
    test('right credentials are somebody, vouched for by it, each time the same', async (t) => {
      const { authenticator, right } = await setUp(t);
      for (const [presented, name] of right) {
        const first = await authenticator.authenticate(presented);
        assert.deepEqual([first?.name, first?.authority], [name, authenticator.name]);
        assert.ok(first!.expiresAt > Date.now());
        const again = await authenticator.authenticate({ ...presented });
        assert.equal(again?.fingerprint, first!.fingerprint);
      }
    });

    test('all at once they are who they are when asked alone', async (t) => {
      const { authenticator, right, wrong } = await setUp(t);
      const everybody = [...right, ...wrong.map((one) => [one, null] as const)];
      const asked = Array.from({ length: 40 }, (_, i) => everybody[i % everybody.length]);
      const answers = await Promise.all(
        asked.map(async ([presented]) => authenticator.authenticate(presented)),
      );
      assert.deepEqual(
        answers.map((identity) => identity?.name ?? null),
        asked.map(([, name]) => name),
      );
    });

    test('wrong credentials, and none, are nobody', async (t) => {
      const { authenticator, wrong, open } = await setUp(t);
      if (open) return;
      for (const presented of [...wrong, credentials()])
        assert.equal(await authenticator.authenticate(presented), null, JSON.stringify(presented));
    });

    test('nothing that a client can send throws, or lets it in', async (t) => {
      const { authenticator, open } = await setUp(t);
      const text = fc.string({ unit: 'binary-ascii', maxLength: 60 });
      const authorization = fc.oneof(
        text,
        text.map((one) => `Bearer ${one}`),
        fc.base64String().map((one) => `Basic ${one}`),
        fc
          .tuple(fc.json(), fc.json(), fc.base64String())
          .map(
            (parts) =>
              `Bearer ${parts.map((part) => btoa(unescape(encodeURIComponent(part)))).join('.')}`,
          ),
      );
      await fc.assert(
        fc.asyncProperty(authorization, text, async (value, path) => {
          const presented = credentials({ authorization: value, path: `/${path}` });
          const answer = authenticator.authenticate(presented);
          const identity = await Promise.resolve(answer).catch((thrown: unknown) => {
            assert.equal((thrown as SallyportError).code, 'AUTH_UNAVAILABLE');
            return null;
          });
          assert.equal(identity !== null, open === true);
        }),
        { numRuns: 60 },
      );
    });

    test('an identity of its own is current, with the same scopes; of others it knows nothing', async (t) => {
      const { authenticator, right } = await setUp(t);
      const [presented] = right[0];
      const identity = (await authenticator.authenticate(presented))!;
      assert.equal(authenticator.current(identity)?.fingerprint, identity.fingerprint);
      const other = createVouchedIdentity({ name: 'x', authority: 'other', roles: ['agent'] })!;
      assert.equal(authenticator.current(other), null);
    });

    test('when it cannot find out it lets nobody in, and says so', async (t) => {
      const { authenticator, cut, right } = await setUp(t);
      if (cut === undefined) return;
      cut();
      const asking = Promise.resolve(authenticator.authenticate(right[0][0]));
      await assert.rejects(asking, { code: 'AUTH_UNAVAILABLE' });
    });

    test('when it was closed it lets nobody in who has to be asked about', async (t) => {
      const { authenticator, cut, right } = await setUp(t);
      if (cut === undefined) return;
      authenticator.close();
      const asking = Promise.resolve(authenticator.authenticate(right[0][0]));
      assert.equal(await asking.catch(() => null), null);
    });
  });
}
