import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startAuthService } from '../../../test/support/auth-service.ts';
import { basic, bearer, credentials } from '../../../test/support/credentials.ts';
import { ISSUER, startIssuer } from '../../../test/support/issuer.ts';
import { createRevocations } from '../revocations.ts';
import { createAuthenticators, type AuthenticatorSettings } from './authenticators.ts';
import type { JwtOptions } from './jwt-authenticator.ts';

const ann = { name: 'ann', token: 'anns', roles: ['agent'], names: ['*'] } as const;
const lab = { type: 'insecure', name: 'lab', roles: ['consumer'] } as const;
const sso = (url: string) => ({ type: 'external', name: 'sso', url, roles: ['consumer'] }) as const;

const company = (keysUrl: string): JwtOptions => ({
  type: 'jwt',
  name: 'company',
  issuer: ISSUER,
  audience: ['sallyport'],
  keysUrl,
  roles: ['consumer'],
});

function setUp(t: TestContext, settings: AuthenticatorSettings) {
  const troubles: string[] = [];
  const revocations = createRevocations();
  const all = createAuthenticators(settings, {
    revocations,
    trouble: (name, why) => void troubles.push(`${name}: ${why}`),
  });
  t.after(() => all.close());
  return { all, troubles, revocations };
}

test('they are asked in order, at once as long as they answer at once', async (t) => {
  const service = await startAuthService(t);
  const { all } = setUp(t, { identities: [ann], authenticators: [sso(service.url), lab] });
  assert.deepEqual(all.names, ['tokens', 'sso', 'lab']);
  const known = all.authenticate(bearer('anns'));
  assert.ok(!(known instanceof Promise));
  assert.equal(known?.name, 'ann');
  assert.equal(service.asked.length, 0);
  const answer = all.authenticate(bearer('right'));
  assert.ok(answer instanceof Promise);
  assert.equal((await answer)?.name, 'sso:ann');
  assert.equal((await all.authenticate(bearer('wrong')))?.name, 'lab:anonymous');
});

test('those that are named are asked, and no others', async (t) => {
  const service = await startAuthService(t);
  const { all } = setUp(t, { identities: [ann], authenticators: [sso(service.url), lab] });
  assert.equal(await all.authenticate(bearer('anns'), ['sso']), null);
  assert.equal(all.authenticate(bearer('anns'), []), null);
  assert.equal((await all.authenticate(bearer('anns'), ['lab', 'tokens']))?.name, 'ann');
  assert.deepEqual(all.schemesOf(['lab']), []);
  assert.deepEqual(all.schemesOf(['lab', 'sso', 'tokens']), ['Basic', 'Bearer']);
});

test('one that cannot tell holds up nobody whom another knows, and lets nobody in', async (t) => {
  const service = await startAuthService(t);
  service.answer = (_, response) => void response.writeHead(500).end();
  const issuer = await startIssuer(t);
  const jwt = company(issuer.url);
  const { all, troubles } = setUp(t, {
    identities: [],
    authenticators: [sso(service.url), jwt],
  });
  assert.equal((await all.authenticate(bearer(await issuer.token())))?.name, 'company:ann');
  await assert.rejects(async () => all.authenticate(bearer('x')), { code: 'AUTH_UNAVAILABLE' });
  await assert.rejects(async () => all.authenticate(bearer('y')), { code: 'AUTH_UNAVAILABLE' });
  assert.equal(troubles.length, 1, 'the same trouble is told once in a while');
});

test('who is revoked is nobody, whoever vouches for it', async (t) => {
  const service = await startAuthService(t);
  const settings = { identities: [ann], authenticators: [sso(service.url)] };
  const { all, revocations } = setUp(t, settings);
  const one = (await all.authenticate(bearer('anns')))!;
  const two = (await all.authenticate(bearer('right')))!;
  revocations.revoke('ann');
  revocations.revoke('sso:ann');
  assert.equal(await all.authenticate(basic('ann', 'anns')), null);
  assert.equal(await all.authenticate(bearer('right')), null, 'remembered or not');
  assert.deepEqual([all.current(one), all.current(two)], [null, null]);
  revocations.restore('ann');
  assert.equal(all.current(one)?.name, 'ann');
});

test('others take their place; what is the same goes on with the keys it has', async (t) => {
  const issuer = await startIssuer(t);
  const service = await startAuthService(t);
  const jwt = company(issuer.url);
  const { all } = setUp(t, { identities: [ann], authenticators: [jwt, lab] });
  const token = bearer(await issuer.token());
  const before = (await all.authenticate(token))!;
  const anonymous = (await all.authenticate(credentials()))!;
  const takeOver = all.prepare({
    identities: [{ ...ann, token: 'new' }],
    authenticators: [sso(service.url), { ...jwt }],
  });
  assert.equal(
    (await all.authenticate(bearer('anns')))?.name,
    'ann',
    'not before it is taken over',
  );
  takeOver();
  assert.deepEqual(all.names, ['tokens', 'sso', 'company']);
  assert.equal(all.current(before), before);
  assert.equal(all.current(anonymous), null, 'its authenticator is gone');
  assert.equal(await all.authenticate(bearer('anns')), null);
  assert.equal(issuer.asked, 1);
});

const unusable: [string, AuthenticatorSettings][] = [
  ['nobody who could come in', { identities: [] }],
  ['a name twice', { identities: [ann], authenticators: [lab, { ...lab, roles: ['agent'] }] }],
  ['the name of the identities', { identities: [], authenticators: [{ ...lab, name: 'tokens' }] }],
  ['a name with a colon', { identities: [], authenticators: [{ ...lab, name: 'a:b' }] }],
  ['everybody in no role', { identities: [], authenticators: [{ ...lab, roles: [] }] }],
  ['an identity twice', { identities: [ann, ann], authenticators: [lab] }],
];
for (const [what, settings] of unusable) {
  test(`${what} is refused, at the start and later, and changes nothing`, (t) => {
    assert.throws(() => setUp(t, settings), { code: 'CONFIG_INVALID' });
    const { all } = setUp(t, { identities: [ann] });
    assert.throws(() => all.prepare(settings), { code: 'CONFIG_INVALID' });
    assert.deepEqual(all.names, ['tokens']);
    assert.ok(all.authenticate(bearer('anns')));
  });
}

test('a server that lets everybody in says so at every start', (t) => {
  const { troubles } = setUp(t, { identities: [], authenticators: [lab] });
  assert.deepEqual(troubles, [
    'lab: it lets everybody in without credentials, in the roles consumer',
  ]);
});
