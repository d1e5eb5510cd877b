import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { load, optionsOf, type Given } from '../../test/support/options.ts';
import { fieldsOf } from './fields.ts';
import { schemas, type CommandName } from './schema.ts';

const hosts = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,8}\.example$/), {
  minLength: 1,
  maxLength: 3,
});
const durations = fc
  .tuple(fc.integer({ min: 1, max: 59 }), fc.constantFrom('s', 'm'))
  .map(([n, unit]) => `${n}${unit}`);
const secrets = fc
  .stringMatching(/^[!-~]{16,40}$/)
  .filter((text) => !text.startsWith('file:') && !text.startsWith('-'));
const switches = fc.constantFrom('true', 'false', 'yes', 'no', 'on', 'off', '1', '0');

/** Values by key, as they are written. */
type Written = Record<string, string | string[]>;

const written: Partial<Record<CommandName, fc.Arbitrary<Written>>> = {
  server: fc.record(
    {
      listen: fc.nat({ max: 65_535 }).map((port) => `127.0.0.1:${port}`),
      domain: hosts.map(([host]) => host),
      token: secrets,
      tcp_ports: fc.constantFrom('20000-20099', '1-65535', '22'),
      trusted_proxies: fc.uniqueArray(fc.constantFrom('10.0.0.0/8', '::1', 'fd00::/8'), {
        minLength: 1,
      }),
      balance: fc.constantFrom('round-robin', 'least-streams'),
      response_timeout: durations,
      access_log: switches,
    },
    { requiredKeys: [] },
  ),
  http: fc.record(
    {
      name: fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/).filter((name) => !name.startsWith('-')),
      host: hosts,
      path: fc.constantFrom('/api', '/a/b'),
      auth: fc
        .tuple(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[ -~]{1,20}$/))
        .map(([user, pass]) => `${user}:${pass}`)
        .filter((text) => !text.startsWith('file:')),
      allow: fc.uniqueArray(
        fc.constantFrom('10.0.0.0/8:22,80', '*.db.internal:5432', '[fd00::/8]:*'),
        { minLength: 1 },
      ),
      insecure_target: switches,
      keep_trying: switches,
      heartbeat: durations,
    },
    { requiredKeys: ['name'] },
  ),
  tcp: fc.record(
    {
      name: fc.constant('box'),
      port: fc.nat({ max: 65_535 }).map(String),
      proxy_protocol: fc.constantFrom('v1', 'v2'),
      sni: hosts,
    },
    { requiredKeys: ['name'] },
  ),
};

function asVariables(values: Written): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      `SALLYPORT_${key.toUpperCase()}`,
      [value].flat().join(' '),
    ]),
  );
}

/** JSON is YAML. */
function asYaml(values: Written): string {
  return JSON.stringify(values);
}

for (const [name, values] of Object.entries(written) as [CommandName, fc.Arbitrary<Written>][]) {
  test(`${name}: the same options written as flags, variables and YAML are the same options`, async () => {
    await fc.assert(
      fc.asyncProperty(values, async (given) => {
        const sources: Given[] = [
          { flags: given },
          { env: asVariables(given) },
          { yaml: asYaml(given) },
        ];
        const [flags, variables, { config: _, ...file }] = await Promise.all(
          sources.map((source) => optionsOf(name, source) as Promise<Record<string, unknown>>),
        );
        assert.deepEqual(variables, flags);
        assert.deepEqual(file, flags);
      }),
      { numRuns: 60 },
    );
  });
}

test('every option has a flag, a variable and a key by one rule, and says what it does', () => {
  for (const schema of Object.values(schemas)) {
    for (const { key, flag, variable, facts, shape } of fieldsOf(schema)) {
      assert.match(key, /^[a-z]+(?:_[a-z]+)*$/);
      const inFileOnly = shape === 'entries' || shape === 'keys';
      assert.equal(flag, inFileOnly ? null : `--${key.replaceAll('_', '-')}`);
      if (variable !== null) assert.equal(variable, `SALLYPORT_${key.toUpperCase()}`);
      assert.match(facts.help, /^[A-Z].*\.$/, key);
    }
  }
});

test('variables are matched to options, and only near misses are refused', async () => {
  const passedOver = [
    'SALLYPORT_SERVICE_HOST',
    'SALLYPORT_PORT_8080_TCP_ADDR',
    'SALLYPORT_HOME',
    'SALLYPORT_X',
    'OTHER_TOKN',
  ];
  await load('server', { env: Object.fromEntries(passedOver.map((name) => [name, 'x'])) });
  for (const name of [
    'SALLYPORT_TOKENS',
    'SALLYPORT_TOKE',
    'SALLYPORT_LISTNE',
    'SALLYPORT_TCP_PORT',
  ]) {
    await assert.rejects(
      load('server', { env: { [name]: 'x' } }),
      new RegExp(`${name}: is no option; did you mean SALLYPORT_`),
    );
  }
});
