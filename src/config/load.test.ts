import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, optionsOf, refusal, write } from '../../test/support/options.ts';
import { loadOptions } from './load.ts';

test('a flag wins over a variable, that over the file, that over the default', async () => {
  const flags = { domain: 'flag.example' };
  const env = { SALLYPORT_DOMAIN: 'variable.example' };
  const yaml = 'domain: file.example\n';
  assert.equal((await optionsOf('server', { flags, env, yaml })).domain, 'flag.example');
  assert.equal((await optionsOf('server', { env, yaml })).domain, 'variable.example');
  assert.equal((await optionsOf('server', { yaml })).domain, 'file.example');
  assert.equal((await optionsOf('server', {})).domain, 'localhost');
});

test('lists are not joined: the first source that has one wins', async () => {
  const { host } = await optionsOf('http', {
    flags: { name: 'x', host: ['a.example'] },
    yaml: 'host: [b.example, c.example]\n',
  });
  assert.deepEqual(host, ['a.example']);
});

const listens: readonly [NodeJS.ProcessEnv, string | undefined, string][] = [
  [{}, undefined, '0.0.0.0:8080'],
  [{ PORT: '9000' }, undefined, '0.0.0.0:9000'],
  [{ HOST: '127.0.0.1' }, undefined, '127.0.0.1:8080'],
  [{ HOST: '::1', PORT: '9000' }, undefined, '[::1]:9000'],
  [{ HOST: '', PORT: '' }, undefined, '0.0.0.0:8080'],
  [{ PORT: '9000', SALLYPORT_LISTEN: '127.0.0.1:7000' }, undefined, '127.0.0.1:7000'],
  [{ PORT: '9000' }, 'listen: 127.0.0.1:6000\n', '127.0.0.1:6000'],
];
for (const [env, yaml, expected] of listens) {
  test(`${JSON.stringify(env)} and ${JSON.stringify(yaml)} listen on ${expected}`, async () => {
    assert.equal(
      (await optionsOf('server', { env, ...(yaml === undefined ? {} : { yaml }) })).listen,
      expected,
    );
  });
}

test('a PORT that is none names HOST and PORT', async () => {
  assert.match(
    await refusal('server', { env: { PORT: 'tcp://10.0.0.1:80' } }),
    /^HOST and PORT: listen address/,
  );
});

test('SALLYPORT_CONFIG names the file as --config does', async () => {
  const file = write('variable.yaml', 'domain: file.example\n');
  assert.equal(
    (await optionsOf('server', { env: { SALLYPORT_CONFIG: file } })).domain,
    'file.example',
  );
});

test('keys are camel case and durations milliseconds, inside lists too', async () => {
  const yaml =
    'heartbeat: 1.5s\nservices:\n  - {name: a, http: 3000, rewrite_host: b.example, auth: "u:p"}\n  - {name: b, tcp: "127.0.0.1:22", port: 0}\n';
  const { heartbeat, keepTrying, services } = await optionsOf('agent', { yaml });
  assert.deepEqual([heartbeat, keepTrying], [1_500, false]);
  assert.deepEqual(services[0], {
    kind: 'http',
    target: '3000',
    name: 'a',
    rewriteHost: 'b.example',
    auth: 'u:p',
    allow: [],
    host: [],
    insecureTarget: false,
    sni: [],
  });
  assert.deepEqual(services[1], {
    kind: 'tcp',
    target: '127.0.0.1:22',
    name: 'b',
    port: 0,
    allow: [],
    host: [],
    insecureTarget: false,
    sni: [],
  });
});

test('a variable may be set for another command', async () => {
  await load('server', { env: { SALLYPORT_NAME: 'x', SALLYPORT_HEALTH_LISTEN: ':1' } });
});

test('file: references are read without their line end, from beside the file that names them', async () => {
  write('secret', 'first\nsecond\r\n');
  write('token', 'sp_secret\n');
  const yaml = 'token: file:token\nservices: [{name: a, http: 1, rendezvous_token: "file:long"}]\n';
  write('long', '0123456789abcdef');
  const { options, warnings } = await loadOptions('agent', {
    flags: { config: write('secrets.yaml', yaml) },
    env: {},
    directory: '/',
  });
  assert.deepEqual(
    [options.token, options.services[0].rendezvousToken, warnings],
    ['sp_secret', '0123456789abcdef', []],
  );
});

test('a token file is another way to give the token, in each source', async () => {
  write('token', 'sp_secret\n');
  for (const given of [
    { flags: { token_file: 'token' } },
    { env: { SALLYPORT_TOKEN_FILE: 'token' } },
    { yaml: 'token_file: token\n' },
  ]) {
    assert.equal((await optionsOf('server', given)).token, 'sp_secret');
  }
});

test('a token file given as flag wins over a token in a variable', async () => {
  write('token', 'sp_secret\n');
  const env = { SALLYPORT_TOKEN: 'other' };
  assert.equal(
    (await optionsOf('server', { flags: { token_file: 'token' }, env })).token,
    'sp_secret',
  );
});

test('a file that is not there is not missed when another source wins', async () => {
  assert.equal(
    (await optionsOf('server', { flags: { token: 'x' }, yaml: 'token_file: nowhere\n' })).token,
    'x',
  );
});

test('a secret that every user can read is warned of, and the config that every user can write', async () => {
  const token = write('open', 'sp_secret\n', 0o644);
  const config = write('open.yaml', `token_file: open\n`, 0o666);
  const { warnings } = await load('server', { flags: { config } });
  assert.deepEqual(warnings, [
    `${config}: every user of this machine can change it; chmod o-w it`,
    `${token}: every user of this machine can read this secret; chmod o-r it`,
  ]);
});

test('several problems are all listed, those of the file from top to bottom', async () => {
  const yaml = 'domain: "a b"\nheartbeat: 5\nlisen: x\n';
  const message = await refusal('server', {
    flags: { tcp_ports: '9-1' },
    env: { SALLYPORT_BALANCE: 'least' },
    yaml,
  });
  const lines = message.split('\n');
  assert.equal(lines[0], '5 problems');
  assert.match(
    lines.slice(1, 3).toSorted().join(),
    /^ {2}--tcp-ports: .*, {2}SALLYPORT_BALANCE: must be one of round-robin, least-streams, not "least"$/,
  );
  assert.match(lines[3], /:1:9: domain: must be a host name/);
  assert.match(lines[4], /:2:12: heartbeat: must be a duration, not "5"; add the unit: 5s$/);
  assert.match(lines[5], /:3:1: lisen: is no option here; did you mean listen\?$/);
});

test('what is missing tells all the ways to give it', async () => {
  assert.equal(
    await refusal('http', {}),
    '--name: is missing; give --name NAME or SALLYPORT_NAME or `name:` in the file named by --config',
  );
});

test('a config file that is not there names the flag or variable that named it', async () => {
  assert.match(
    await refusal('server', { flags: { config: 'nowhere.yaml' } }),
    /^--config: nowhere\.yaml: there is no such file/,
  );
  assert.match(
    await refusal('server', { env: { SALLYPORT_CONFIG: 'nowhere.yaml' } }),
    /^SALLYPORT_CONFIG: nowhere\.yaml: there is/,
  );
});

test('half a certificate is refused', async () => {
  write('cert.pem', 'x');
  assert.match(
    await refusal('server', { flags: { tls_cert: 'cert.pem' } }),
    /^--tls-cert: needs tls_key beside it/,
  );
});

test('an empty file is what a full disk leaves, and no configuration', async () => {
  assert.match(
    await refusal('server', { yaml: '' }),
    /^--config: .*config-\d+\.yaml: the file is empty; write options into it$/,
  );
  assert.equal((await optionsOf('server', { yaml: '# nothing\n' })).domain, 'localhost');
});
