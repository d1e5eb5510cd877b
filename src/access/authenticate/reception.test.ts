import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { bearer, certificate, credentials } from '../../../test/support/credentials.ts';
import { createEventLog } from '../../events/log.ts';
import { AUTHENTICATION_TIMEOUT_MS, AUTHENTICATIONS_MAX, GUESSES_FREE } from '../../limits.ts';
import type { Credentials } from '../authenticator.ts';
import { createGuesses } from '../guesses.ts';
import type { Identity } from '../identity.ts';
import { createRevocations } from '../revocations.ts';
import { createAuthenticators } from './authenticators.ts';
import { guarded } from './guarded.ts';
import { createReception, type Door } from './reception.ts';

const identities = [{ name: 'ann', token: 'right', roles: ['agent'] }] as const;

function setUp(t: TestContext, answer?: () => Promise<Identity | null>) {
  const revocations = createRevocations();
  const real = createAuthenticators({ identities }, { revocations, trouble() {} });
  const authenticators = answer === undefined ? real : { ...real, authenticate: answer };
  const events = createEventLog();
  const clock = { now: 0 };
  const guesses = createGuesses(() => clock.now);
  const reception = createReception({ authenticators, events, guesses });
  const refused = (): unknown[] => events.since(0)!.map(({ seq: _s, time: _t, ...rest }) => rest);
  t.after(() => real.close());
  return { reception, refused, clock, guesses, real };
}

test('who is known comes in at once, at every door', (t) => {
  const { reception, refused } = setUp(t);
  for (const door of ['attach', 'service', 'control'] as const) {
    const identity = reception.admit(door, bearer('right'));
    assert.ok(!(identity instanceof Promise));
    assert.equal(identity.name, 'ann');
  }
  assert.deepEqual(refused(), []);
});

test('refusals have a code for each door, and wrong credentials are an event', (t) => {
  const { reception, refused } = setUp(t);
  const cases: [Door, Credentials, string][] = [
    ['attach', credentials(), 'AUTH_REQUIRED'],
    ['attach', bearer('CANARY'), 'AUTH_FAILED'],
    ['attach', credentials({ certificate: certificate() }), 'AUTH_FAILED'],
    ['service', credentials({ service: 'web' }), 'CONSUMER_AUTH'],
    ['service', { ...bearer('CANARY'), service: 'web' }, 'CONSUMER_AUTH'],
  ];
  for (const [door, presented, code] of cases)
    assert.throws(() => reception.admit(door, presented), { code });
  const failed = (door: Door, service: string | null, reason: string): unknown => {
    return { type: 'auth.failed', door, service, peer: '192.0.2.1:40000', reason };
  };
  assert.deepEqual(refused(), [
    failed('attach', null, 'attach: the credentials are not known'),
    failed('attach', null, 'attach: the certificate is not known'),
    failed('service', 'web', 'service web: the credentials are not known'),
  ]);
});

test('guessing: after a few an address waits, right or wrong, and nobody is asked meanwhile', (t) => {
  const { reception, refused, clock } = setUp(t);
  for (let i = 0; i < GUESSES_FREE; i++)
    assert.throws(() => reception.admit('attach', bearer(`${i}`)), { code: 'AUTH_FAILED' });
  for (const token of ['wrong', 'right'])
    assert.throws(() => reception.admit('attach', bearer(token)), { code: 'TOO_MANY_GUESSES' });
  assert.equal(refused().length, GUESSES_FREE, 'no event for those that were not heard');
  const other = { ...bearer('right'), peer: '192.0.2.2:1' };
  assert.ok(reception.admit('attach', other), 'another address does not wait');
  assert.throws(() => reception.admit('attach', credentials()), { code: 'AUTH_REQUIRED' });
  clock.now += 3_600_000;
  assert.ok(reception.admit('attach', bearer('right')));
});

test('guessing: right credentials in between do not make the wrong ones forgotten', (t) => {
  const { reception } = setUp(t);
  for (let i = 0; i < GUESSES_FREE; i++) {
    assert.throws(() => reception.admit('attach', bearer(`${i}`)), { code: 'AUTH_FAILED' });
    if (i + 1 < GUESSES_FREE) assert.ok(reception.admit('attach', bearer('right')));
  }
  assert.throws(() => reception.admit('attach', bearer('x')), { code: 'TOO_MANY_GUESSES' });
});

test('an answer that comes later is the same', async (t) => {
  const nobody = setUp(t, () => Promise.resolve(null));
  await assert.rejects(async () => nobody.reception.admit('attach', bearer('x')), {
    code: 'AUTH_FAILED',
  });
  assert.equal(nobody.refused().length, 1);
  const { real } = nobody;
  const somebody = setUp(t, async () => real.authenticate(bearer('right')));
  const identity = somebody.reception.admit('attach', bearer('right'));
  assert.ok(identity instanceof Promise);
  assert.equal((await identity).name, 'ann');
});

test('an answer that does not come is awaited for so long', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { reception, refused } = setUp(t, () => new Promise(() => {}));
  const admitted = reception.admit('attach', bearer('x'));
  t.mock.timers.tick(AUTHENTICATION_TIMEOUT_MS);
  await assert.rejects(async () => admitted, { code: 'AUTH_UNAVAILABLE' });
  assert.equal(refused().length, 1);
});

test('flooding: so many may wait at a time, and no more', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { reception } = setUp(t, () => new Promise(() => {}));
  const waiting = Array.from({ length: AUTHENTICATIONS_MAX }, async () =>
    reception.admit('attach', bearer('x')),
  );
  assert.throws(() => reception.admit('attach', bearer('x')), { code: 'SERVER_BUSY' });
  t.mock.timers.tick(AUTHENTICATION_TIMEOUT_MS);
  for (const one of await Promise.allSettled(waiting)) assert.equal(one.status, 'rejected');
  assert.ok(reception.admit('attach', bearer('x')) instanceof Promise);
});

test('doors that ask on their own have their guessers wait too', async (t) => {
  const { real, guesses } = setUp(t);
  const authenticator = guarded(real, guesses);
  for (let i = 0; i < GUESSES_FREE; i++)
    assert.equal(await authenticator.authenticate(bearer(`${i}`)), null);
  assert.equal(await authenticator.authenticate(bearer('right')), null, 'not heard');
  const other = { ...bearer('right'), peer: '192.0.2.2:1' };
  assert.equal((await authenticator.authenticate(other))?.name, 'ann');
});
