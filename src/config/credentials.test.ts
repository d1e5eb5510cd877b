import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optionsOf, refusal, write, type Given } from '../../test/support/options.ts';
import type { CommandName } from './schema.ts';

// Each documented way to give a credential, empty or unusable: a server must not start open for it.
const credentials: readonly [string, CommandName, Given, RegExp][] = [
  ['an empty --token', 'server', { flags: { token: '' } }, /^--token: is empty/],
  [
    'an empty SALLYPORT_TOKEN',
    'server',
    { env: { SALLYPORT_TOKEN: '' } },
    /^SALLYPORT_TOKEN: is empty/,
  ],
  [
    'an empty token in the file',
    'server',
    { yaml: 'token: ""\n' },
    /^config-\d+\.yaml:1:8: token: is empty/,
  ],
  [
    'a token without value in the file',
    'server',
    { yaml: 'token:\n' },
    /^config-\d+\.yaml:1:7: token: has no value/,
  ],
  [
    'an empty token file',
    'server',
    { flags: { token_file: 'empty' } },
    /^--token-file: empty: the file is empty/,
  ],
  [
    'a token file of one line end',
    'server',
    { flags: { token_file: 'newline' } },
    /^--token-file: newline: the file is empty/,
  ],
  [
    'a missing token file',
    'server',
    { flags: { token_file: 'nowhere' } },
    /^--token-file: nowhere: there is no such file/,
  ],
  [
    'a directory as token file',
    'server',
    { flags: { token_file: '.' } },
    /^--token-file: .*: that is a directory/,
  ],
  [
    'an empty --token-file',
    'server',
    { flags: { token_file: '' } },
    /^--token-file: names no file/,
  ],
  [
    'an empty SALLYPORT_TOKEN_FILE',
    'server',
    { env: { SALLYPORT_TOKEN_FILE: '' } },
    /^SALLYPORT_TOKEN_FILE: names no file/,
  ],
  [
    'an empty file: reference',
    'server',
    { flags: { token: 'file:empty' } },
    /^--token: empty: the file is empty/,
  ],
  [
    'token and token file together',
    'server',
    { flags: { token: 'x', token_file: 'y' } },
    /^--token-file: stands beside token/,
  ],
  [
    'a token with a space',
    'server',
    { flags: { token: 'my secret' } },
    /^--token: token: only printable ASCII/,
  ],
  [
    'a misspelt SALLYPORT_TOKEN',
    'server',
    { env: { SALLYPORT_TOKN: 'x' } },
    /^SALLYPORT_TOKN: is no option; did you mean SALLYPORT_TOKEN\?/,
  ],
  [
    'a misspelt SALLYPORT_AUTH',
    'http',
    { flags: { name: 'x' }, env: { SALLYPORT_AUHT: 'u:p' } },
    /^SALLYPORT_AUHT: is no option; did you mean SALLYPORT_AUTH\?/,
  ],
  [
    'no identities',
    'server',
    { yaml: 'identities: []\n' },
    /1:13: identities: is empty, so nobody could come in/,
  ],
  ['identities without value', 'server', { yaml: 'identities:\n' }, /identities: has no value/],
  [
    'an identity without token',
    'server',
    { yaml: 'identities: [{name: a, roles: agent, names: a}]\n' },
    /identities\[0\]: needs a token: give token_hash/,
  ],
  [
    'an identity with an empty list of hashes',
    'server',
    { yaml: 'identities: [{name: a, roles: agent, names: a, token_hashes: []}]\n' },
    /identities\[0\]: needs a token/,
  ],
  [
    'an identity with an empty file of hashes',
    'server',
    { yaml: 'identities: [{name: a, roles: agent, names: a, token_hashes: "file:remarks"}]\n' },
    /identities\[0\]: needs a token/,
  ],
  [
    'an identity with token and token file',
    'server',
    { yaml: 'identities: [{name: a, roles: agent, names: a, token: x, token_file: remarks}]\n' },
    /identities\[0\]\.token_file: stands beside token; give one of them/,
  ],
  [
    'an identity with a token file that is not there',
    'server',
    { yaml: 'identities: [{name: a, roles: agent, names: a, token_file: nowhere}]\n' },
    /identities\[0\]\.token_file: nowhere: there is no such file/,
  ],
  [
    'the hash of an empty token in a list',
    'server',
    {
      yaml: 'identities: [{name: a, roles: agent, names: a, token_hashes: ["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]}]\n',
    },
    /identities\[0\]\.token_hashes\[0\]: token hash: it is that of an empty token/,
  ],
  [
    'an identity with an empty token',
    'server',
    { yaml: 'identities: [{name: a, roles: agent, names: a, token: ""}]\n' },
    /identities\[0\]\.token: is empty/,
  ],
  [
    'an identity with an empty token file',
    'server',
    { yaml: 'identities: [{name: a, roles: agent, names: a, token: "file:empty"}]\n' },
    /identities\[0\]\.token: empty: the file is empty/,
  ],
  [
    'an identity with half a hash',
    'server',
    { yaml: 'identities: [{name: a, roles: agent, names: a, token_hash: "sha256:ab"}]\n' },
    /identities\[0\]\.token_hash: token hash: not/,
  ],
  [
    'an identity without roles',
    'server',
    { yaml: 'identities: [{name: a, names: a, token: x}]\n' },
    /identities\[0\]\.roles: is missing/,
  ],
  [
    'an identity with no role',
    'server',
    { yaml: 'identities: [{name: a, roles: [], names: a, token: x}]\n' },
    /identities\[0\]\.roles: is empty/,
  ],
  [
    'an identity without names',
    'server',
    { yaml: 'identities: [{name: a, roles: agent, token: x}]\n' },
    /identities\[0\]\.names: is missing/,
  ],
  [
    'two identities of one token',
    'server',
    {
      yaml: 'identities: [{name: a, roles: agent, names: a, token: x}, {name: b, roles: agent, names: a, token: x}]\n',
    },
    /identities\[1\]\.token: is that of identities\[0\] too/,
  ],
  [
    'an empty password of a service',
    'http',
    { flags: { name: 'x', auth: 'user:' } },
    /^--auth: .*neither empty/,
  ],
  [
    'a password without user',
    'http',
    { flags: { name: 'x', auth: ':pass' } },
    /^--auth: .*neither empty/,
  ],
  ['an empty --auth', 'http', { flags: { name: 'x', auth: '' } }, /^--auth: is empty/],
  [
    'an empty SALLYPORT_AUTH',
    'http',
    { flags: { name: 'x' }, env: { SALLYPORT_AUTH: '' } },
    /^SALLYPORT_AUTH: is empty/,
  ],
  [
    'a guessable rendez-vous token',
    'http',
    { flags: { name: 'x', rendezvous_token: 'short' } },
    /^--rendezvous-token: has 5 characters; use at least 16/,
  ],
  [
    'a rendez-vous token that is no path segment',
    'http',
    { flags: { name: 'x', rendezvous_token: 'a/b/c/d/e/f/g/h/i' } },
    /^--rendezvous-token: must hold only/,
  ],
  ['an empty key', 'connect', { flags: { key: '' } }, /^--key: is empty/],
];
for (const [what, name, given, expected] of credentials) {
  test(`${what} is refused`, async () => {
    write('empty', '');
    write('newline', '\n');
    write('remarks', '# nothing yet\n\n');
    const message = await refusal(name, given);
    assert.match(message, expected);
  });
}

test('an identity has as many tokens as it is given, from files too', async () => {
  const [one, two, three] = ['1', '2', '3'].map((digit) => `sha256:${digit.repeat(64)}`);
  write('token', 'sp_of-a-file\n');
  write('hashes', `# old\n${one}\n\n  ${two}  \n`);
  const { identities = [] } = await optionsOf('server', {
    yaml: `identities: [{name: a, roles: agent, names: a, token_file: token, token_hash: "${three}", token_hashes: "file:hashes"}]\n`,
  });
  const [{ token, tokenHash, tokenHashes }] = identities;
  assert.deepEqual([token, tokenHash, tokenHashes], ['sp_of-a-file', three, [one, two]]);
});

test('messages never repeat a secret', async () => {
  const canary = 'canary-5d1f canary';
  write('canary', canary);
  for (const key of ['token', 'auth', 'rendezvous_token']) {
    for (const value of [canary, 'file:canary']) {
      const message = await refusal('http', { flags: { name: 'x', [key]: value } });
      assert.doesNotMatch(message, /canary-5d1f/, `${key}=${value}`);
    }
  }
  const yaml = `identities: [{name: a, roles: agent, names: a, token_hash: "${canary}"}]\n`;
  assert.doesNotMatch(await refusal('server', { yaml }), /canary/);
});
