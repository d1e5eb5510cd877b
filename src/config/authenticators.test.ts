import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { optionsOf, refusal, write } from '../../test/support/options.ts';

const jwt =
  'name: company, type: jwt, jwks_url: "https://id.test/keys", issuer: "https://id.test/", audience: sallyport';
const scopes = 'roles: consumer, names: "*"';
const external = 'name: sso, type: external, url: "https://auth.test/check"';

const yaml = (...entries: string[]): { yaml: string } => ({
  yaml: `authenticators:\n${entries.map((entry) => `  - {${entry}}\n`).join('')}`,
});

describe('authenticators are read with all their keys', () => {
  test('jwt', async () => {
    write('keys.json', '{}');
    const more = 'algorithms: [ES256, EdDSA], leeway: 1m, name_claim: email, scopes_claim: scope';
    const { authenticators = [] } = await optionsOf(
      'server',
      yaml(
        `${jwt}, ${more}`,
        `name: other, type: jwt, jwks_file: keys.json, issuer: x, audience: [a, b], ${scopes}`,
      ),
    );
    const [first, second] = authenticators;
    assert.deepEqual(first.algorithms, ['ES256', 'EdDSA']);
    assert.deepEqual(
      [first.leeway, first.nameClaim, first.scopesClaim],
      [60_000, 'email', 'scope'],
    );
    assert.deepEqual(first.audience, ['sallyport']);
    assert.match(second.jwksFile!, /\/keys\.json$/);
  });

  test('external, insecure', async () => {
    const { authenticators = [] } = await optionsOf(
      'server',
      yaml(
        `${external}, name_field: X-User, remember: 0s, ${scopes}`,
        `name: lab, type: insecure, ${scopes}`,
      ),
    );
    assert.deepEqual(
      authenticators.map(({ type }) => type),
      ['external', 'insecure'],
    );
    assert.deepEqual([authenticators[0].nameField, authenticators[0].remember], ['X-User', 0]);
  });

  test('mtls, with the authorities of the listener', async () => {
    for (const name of ['cert.pem', 'key.pem', 'clients.pem']) write(name, 'x');
    const tls = 'tls_cert: cert.pem\ntls_key: key.pem\ntls_client_ca: clients.pem\n';
    const entry = `name: devices, type: mtls, certificates: ["CN:agent-*", "DNS:*.agents.test"], ${scopes}`;
    const { authenticators = [], tlsClientCa } = await optionsOf('server', {
      yaml: `${tls}${yaml(entry).yaml}`,
    });
    assert.deepEqual(authenticators[0].certificates, ['CN:agent-*', 'DNS:*.agents.test']);
    assert.match(tlsClientCa!, /clients\.pem$/);
  });
});

const refused: [string, { yaml: string }, RegExp][] = [
  ['no type', yaml(`name: a, ${scopes}`), /authenticators\[0\]\.type: is missing/],
  ['a type that there is not', yaml(`name: a, type: none, ${scopes}`), /type: must be one of/],
  ['no name', yaml(`type: insecure, ${scopes}`), /name: is missing/],
  ['the name of the identities', yaml(`name: tokens, type: insecure, ${scopes}`), /choose another/],
  ['a name with a colon', yaml(`name: "a:b", type: insecure, ${scopes}`), /letters, digits/],
  [
    'a name used twice',
    yaml(`name: a, type: insecure, ${scopes}`, `name: a, type: insecure, ${scopes}`),
    /authenticators\[1\]\.name: is the name of authenticators\[0\] too/,
  ],
  ['insecure without roles', yaml('name: a, type: insecure, names: "*"'), /roles: is missing/],
  ['insecure without names', yaml('name: a, type: insecure, roles: agent'), /names: is missing/],
  ['jwt without scopes and a claim of them', yaml(jwt), /roles: is missing/],
  [
    'jwt without issuer',
    yaml(`name: a, type: jwt, jwks_url: "https://x.test/", audience: a, ${scopes}`),
    /issuer: is missing/,
  ],
  [
    'jwt without audience',
    yaml(`name: a, type: jwt, jwks_url: "https://x.test/", issuer: a, ${scopes}`),
    /audience: is missing/,
  ],
  [
    'jwt without keys',
    yaml(`name: a, type: jwt, issuer: a, audience: a, ${scopes}`),
    /jwks_url: must stand here, or jwks_file/,
  ],
  [
    'shared secrets as signatures',
    yaml(`${jwt}, algorithms: [HS256], ${scopes}`),
    /algorithms\[0\]: must be one of/,
  ],
  ['no signatures', yaml(`${jwt}, algorithms: [none], ${scopes}`), /must be one of/],
  ['external without url', yaml(`name: a, type: external, ${scopes}`), /url: is missing/],
  [
    'a password in a url',
    yaml(`name: a, type: external, url: "https://u:CANARY@x.test/", ${scopes}`),
    /url: must be an http or https URL without/,
  ],
  [
    'remembering for long',
    yaml(`${external}, remember: 1h, ${scopes}`),
    /remember: is 1h; choose between/,
  ],
  [
    'a key of another type',
    yaml(`${external}, issuer: x, ${scopes}`),
    /issuer: means nothing for type external/,
  ],
  [
    'mtls without authorities',
    yaml(`name: a, type: mtls, certificates: "CN:a", ${scopes}`),
    /type: needs tls_client_ca/,
  ],
  ['mtls without certificates', yaml(`name: a, type: mtls, ${scopes}`), /certificates: is missing/],
  [
    'mtls for everything signed',
    yaml(`name: a, type: mtls, certificates: "*", ${scopes}`),
    /certificates\[0\]: must begin with CN:/,
  ],
  [
    'a service that asks for an authenticator that there is not',
    { yaml: 'services: [{name: web, authenticators: [company]}]\n' },
    /services\[0\]\.authenticators\[0\]: is no authenticator; there is tokens/,
  ],
  [
    'a service that asks for none',
    { yaml: 'services: [{name: web, authenticators: []}]\n' },
    /authenticators: is empty, so nobody could come in/,
  ],
  [
    'authorities without a certificate',
    { yaml: 'tls_client_ca: clients.pem\n' },
    /tls_client_ca: needs tls_cert/,
  ],
];
for (const [what, given, expected] of refused) {
  test(`${what} is refused`, async () => {
    write('clients.pem', 'x');
    const message = await refusal('server', given);
    assert.match(message, expected);
    assert.doesNotMatch(message, /CANARY/);
  });
}
