import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';
import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import { bearer } from '../../../test/support/credentials.ts';
import { ISSUER, startIssuer } from '../../../test/support/issuer.ts';
import type { Identity } from '../identity.ts';
import { createJwtAuthenticator, type JwtOptions } from './jwt-authenticator.ts';

const base = {
  type: 'jwt',
  name: 'company',
  issuer: ISSUER,
  audience: ['sallyport'],
  roles: ['consumer'],
  names: ['web'],
} as const;
const seconds = (): number => Math.floor(Date.now() / 1000);

async function setUp(t: TestContext, options: Partial<JwtOptions> = {}, algorithm = 'ES256') {
  const issuer = await startIssuer(t, algorithm);
  const troubles: string[] = [];
  const keys = options.keys === undefined ? { keysUrl: issuer.url } : {};
  const made = createJwtAuthenticator({ ...base, ...keys, ...options }, (why) =>
    troubles.push(why),
  );
  t.after(() => made.close());
  const who = async (token: string): Promise<Identity | null> => made.authenticate(bearer(token));
  return { issuer, troubles, authenticator: made, who };
}

describe('a token is refused', () => {
  test('algorithm confusion: one signed with the public key as a shared secret', async (t) => {
    const { issuer, who } = await setUp(t, { algorithms: ['RS256'] }, 'RS256');
    const key = await importJWK(issuer.keys[0], 'RS256');
    const pem = await exportSPKI(key as Parameters<typeof exportSPKI>[0]);
    for (const secret of [pem, pem.trim(), JSON.stringify(issuer.keys[0])]) {
      const forged = await new SignJWT({ iss: ISSUER, aud: 'sallyport', sub: 'eve' })
        .setProtectedHeader({ alg: 'HS256', kid: 'first' })
        .setExpirationTime('1h')
        .sign(Buffer.from(secret));
      assert.equal(await who(forged), null);
    }
  });

  test('one without signature', async (t) => {
    const { who } = await setUp(t);
    const unsecured = new UnsecuredJWT({ sub: 'eve' })
      .setIssuer(ISSUER)
      .setAudience('sallyport')
      .setExpirationTime('1h')
      .encode();
    assert.equal(await who(unsecured), null);
    assert.equal(await who(`${unsecured}AAAA`), null);
  });

  test('one that brings its own key, or says where it is', async (t) => {
    const { issuer, who } = await setUp(t);
    const own = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(own.publicKey);
    for (const header of [{ jwk }, { jku: `${issuer.url}/own` }, { x5u: issuer.url }]) {
      const forged = await new SignJWT({ iss: ISSUER, aud: 'sallyport', sub: 'eve' })
        .setProtectedHeader({ alg: 'ES256', kid: 'first', ...header })
        .setExpirationTime('1h')
        .sign(own.privateKey);
      assert.equal(await who(forged), null);
    }
    assert.equal(issuer.asked, 1, 'nobody fetched what the token named');
  });

  test('an algorithm that is not listed, though its key is published', async (t) => {
    const { issuer, who } = await setUp(t, { algorithms: ['ES256'] });
    await issuer.addKey('other', 'ES384');
    assert.equal(await who(await issuer.token()), null);
  });

  const claims: [string, (now: number) => Record<string, unknown>][] = [
    ['another issuer', () => ({ iss: 'https://evil.test/' })],
    ['the issuer with a slash less', () => ({ iss: ISSUER.slice(0, -1) })],
    ['no issuer', () => ({ iss: undefined })],
    ['another audience', () => ({ aud: ['other', 'Sallyport'] })],
    ['no audience', () => ({ aud: undefined })],
    ['no end', () => ({ exp: undefined })],
    ['an end that has passed', (now) => ({ exp: now - 31 })],
    ['an end that is no number', () => ({ exp: 'never' })],
    ['a beginning that is to come', (now) => ({ nbf: now + 60 })],
    ['no name', () => ({ sub: undefined })],
    ['an empty name', () => ({ sub: '' })],
    ['a name that is no text', () => ({ sub: 7 })],
    ['a name that is too long', () => ({ sub: 'x'.repeat(129) })],
    ['an extension that nobody knows', () => ({})],
  ];
  for (const [what, changed] of claims) {
    test(what, async (t) => {
      const { issuer, who } = await setUp(t);
      const header = what.startsWith('an extension') ? { crit: ['x'], x: 1 } : {};
      const token = await issuer
        .token(changed(seconds()), header)
        // The library does not make such tokens itself.
        .catch(() => `${btoa(JSON.stringify({ alg: 'ES256', ...header }))}.e30.AA`);
      assert.equal(await who(token), null);
      assert.equal((await who(await issuer.token()))?.name, 'company:ann');
    });
  }
});

describe('a token is accepted', () => {
  test('a little after its end, and until then it is an identity', async (t) => {
    const { issuer, who } = await setUp(t);
    const exp = seconds() - 10;
    const identity = await who(await issuer.token({ exp }));
    assert.equal(identity?.expiresAt, (exp + 30) * 1000);
  });

  test('once more without verifying it, but not beyond its end', async (t) => {
    const { issuer, who, authenticator } = await setUp(t, { leewayMs: 0 });
    t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 });
    const presented = bearer(await issuer.token({ exp: seconds() + 5 }));
    const identity = (await authenticator.authenticate(presented))!;
    assert.equal(authenticator.authenticate(presented), identity, 'at once');
    assert.notEqual(authenticator.current(identity), null);
    t.mock.timers.tick(5_001);
    assert.equal(await who(presented.authorization!.slice('Bearer '.length)), null);
    assert.equal(authenticator.current(identity), null);
  });

  test('with each kind of signature', async (t) => {
    for (const algorithm of ['EdDSA', 'ES384', 'PS256', 'RS512'] as const) {
      const { issuer, who } = await setUp(t, { algorithms: [algorithm] }, algorithm);
      assert.equal((await who(await issuer.token()))?.name, 'company:ann', algorithm);
    }
  });

  test('signed with a key in PEM, or with one of several keys without names', async (t) => {
    const { issuer } = await setUp(t);
    const pem = createPublicKey({ key: issuer.keys[0], format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    });
    const byPem = await setUp(t, { keys: pem });
    assert.equal(
      (await byPem.who(await issuer.token({}, { kid: undefined })))?.name,
      'company:ann',
    );

    const many = await startIssuer(t);
    many.keys = [];
    for (let i = 0; i < 3; i++) await many.addKey(undefined);
    const tokenOfLast = await many.token();
    const { who } = await setUp(t, { keys: JSON.stringify({ keys: many.keys }) });
    assert.equal((await who(tokenOfLast))?.name, 'company:ann');
    assert.equal(await who(await issuer.token({}, { kid: undefined })), null);
  });

  test('under the name that another claim gives', async (t) => {
    const { issuer, who } = await setUp(t, { nameClaim: 'email' });
    assert.equal((await who(await issuer.token({ email: 'a@x.test' })))?.name, 'company:a@x.test');
    assert.equal(await who(await issuer.token()), null, 'the claim is missing');
    const escapes = await who(await issuer.token({ email: 'a b\u001b[2J\n%41' }));
    assert.equal(escapes?.name, 'company:a%20b%1B[2J%0A%2541');
  });
});

describe('scopes', () => {
  const scope =
    'openid sallyport:role:agent sallyport:name:db-* sallyport:port:20000-20009 sallyport:target:10.0.0.0/8:22 sallyport:host:*.a.test';

  test('of a claim are granted besides those of the configuration', async (t) => {
    const { issuer, who } = await setUp(t, { scopesClaim: 'scope' });
    for (const claim of [scope, scope.split(' ')]) {
      const identity = (await who(await issuer.token({ scope: claim })))!;
      assert.deepEqual([...identity.roles], ['consumer', 'agent']);
      assert.deepEqual(identity.names.patterns, ['web', 'db-*']);
      assert.ok(identity.hosts.match('x.a.test'));
      assert.deepEqual(identity.ports, [{ low: 20_000, high: 20_009 }]);
      assert.ok(identity.targets.check('10.1.1.1', 22));
    }
    assert.deepEqual([...(await who(await issuer.token()))!.roles], ['consumer']);
  });

  test('privilege escalation: a claim that is not configured grants nothing', async (t) => {
    const { issuer, who } = await setUp(t);
    const identity = await who(await issuer.token({ scope, sallyport: { roles: ['admin'] } }));
    assert.deepEqual([...identity!.roles], ['consumer']);
  });

  test('that make no sense make the token good for nothing', async (t) => {
    const { issuer, who } = await setUp(t, { scopesClaim: 'scope' });
    for (const claim of [
      'sallyport:role:root',
      'sallyport:all:x',
      'sallyport:name:',
      'sallyport:port:ssh',
      'sallyport:target:nowhere',
      { roles: ['agent'] },
      7,
      Array.from({ length: 65 }, (_, i) => `sallyport:name:x${i}`),
    ])
      assert.equal(await who(await issuer.token({ scope: claim })), null, JSON.stringify(claim));
  });
});

describe('keys', () => {
  test('that are new are fetched when a token names one', async (t) => {
    const { issuer, who } = await setUp(t);
    assert.equal((await who(await issuer.token()))?.name, 'company:ann');
    assert.equal(issuer.asked, 1);
  });

  test('that cannot be had let nobody in, and the log hears of it', async (t) => {
    const { issuer, who, troubles } = await setUp(t);
    issuer.answer = (_, response) => void response.writeHead(503).end();
    await assert.rejects(who(await issuer.token()), { code: 'AUTH_UNAVAILABLE' });
    assert.match(troubles.join(), /its keys cannot be fetched: the answer has status 503/);
    assert.doesNotMatch(troubles.join(), /127\.0\.0\.1/);
  });
});

describe('an authenticator of another configuration takes identities over', () => {
  test('with the scopes of today', async (t) => {
    const { issuer, who } = await setUp(t, { scopesClaim: 'scope' });
    const before = (await who(await issuer.token({ scope: 'sallyport:role:agent' })))!;
    const next = await setUp(t, { scopesClaim: 'scope', names: ['other'] });
    const now = next.authenticator.current(before)!;
    assert.equal(now.name, before.name);
    assert.deepEqual([...now.roles], ['consumer', 'agent']);
    assert.deepEqual(now.names.patterns, ['other']);
  });

  test('but not those of other issuers, audiences and names', async (t) => {
    const { issuer, who } = await setUp(t);
    const before = (await who(await issuer.token()))!;
    for (const changed of [
      { issuer: 'https://other.test/' },
      { audience: ['other'] },
      { name: 'partner' },
      { nameClaim: 'email' },
    ]) {
      const { authenticator } = await setUp(t, changed);
      assert.equal(authenticator.current(before), null, JSON.stringify(changed));
    }
  });
});

describe('refused at the start', () => {
  const refused: [string, Partial<JwtOptions>][] = [
    ['no keys', {}],
    ['both kinds of keys', { keys: '{}', keysUrl: 'http://127.0.0.1:1/' }],
    ['a URL that is none', { keysUrl: 'keys' }],
    ['a URL of another kind', { keysUrl: 'file:///etc/keys' }],
    ['a password in the URL', { keysUrl: 'https://u:p@id.test/' }],
    ['keys that are none', { keys: 'hello' }],
    ['an empty set', { keys: '{"keys":[]}' }],
    ['shared secrets only', { keys: '{"keys":[{"kty":"oct","k":"AAAA"}]}' }],
    ['a broken key', { keys: '{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}' }],
    ['no audience', { keys: '{}', audience: [] }],
    ['no issuer', { keys: '{}', issuer: '' }],
    ['shared secrets as signatures', { keys: '{}', algorithms: ['HS256' as 'ES256'] }],
    ['no signature', { keys: '{}', algorithms: [] }],
  ];
  for (const [what, options] of refused) {
    test(what, () =>
      assert.throws(() => createJwtAuthenticator({ ...base, ...options }, () => {}), {
        code: 'CONFIG_INVALID',
      }),
    );
  }

  test('a private key, whose text is not repeated', async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(privateKey);
    const keys = JSON.stringify({ keys: [jwk] });
    assert.throws(
      () => createJwtAuthenticator({ ...base, keys }, () => {}),
      ({ message }: Error) => /it holds a private key/.test(message) && !message.includes(jwk.d!),
    );
  });

  test('a malformed scope', () => {
    const keysUrl = 'http://127.0.0.1:1/';
    assert.throws(() => createJwtAuthenticator({ ...base, keysUrl, ports: ['ssh'] }, () => {}), {
      code: 'USAGE',
    });
  });
});
