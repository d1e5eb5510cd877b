import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { load, write, type Given } from '../../test/support/options.ts';
import { compareLoaded } from './comparison.ts';

const compare = async (before: Given, after: Given) =>
  compareLoaded('server', await load('server', before), await load('server', after));

const identity = (names: string): string =>
  `identities: [{name: a, token: sp_0123456789, roles: [agent], names: [${names}]}]\n`;

test('a file that says the same in other words changes nothing', async () => {
  const { changed, restart } = await compare(
    { yaml: `log_level: info\n${identity('x')}` },
    { yaml: `# A comment.\n${identity('"x"')}` },
  );
  assert.deepEqual([changed, restart], [[], []]);
});

test('what a running server takes over, and what needs a restart', async () => {
  const { changed, restart, running } = await compare(
    { yaml: 'log_level: info\ntcp_ports: 20000-20099\ndomain: a.example\n' },
    { yaml: `log_level: debug\ntcp_ports: 20000-20199\ndomain: a.example\n${identity('x')}` },
  );
  assert.deepEqual(changed, ['identities', 'log_level']);
  assert.deepEqual(restart, ['tcp_ports']);
  assert.equal(running.options.logLevel, 'debug');
  assert.equal(running.options.tcpPorts, '20000-20099', 'what runs is what was started');
  assert.equal(running.options.identities?.[0].name, 'a');
});

test('what needs a restart is named until it is taken back', async () => {
  const first = await load('server', { yaml: 'domain: a.example\n' });
  const second = await load('server', { yaml: 'domain: b.example\nlog_level: debug\n' });
  const third = await load('server', { yaml: 'domain: b.example\n' });
  const one = compareLoaded('server', first, second);
  const two = compareLoaded('server', one.running, third);
  const three = compareLoaded('server', two.running, first);
  assert.deepEqual(
    [one, two, three].map(({ changed, restart }) => [changed, restart]),
    [
      [['log_level'], ['domain']],
      [['log_level'], ['domain']],
      [[], []],
    ],
  );
});

test('a value that flags or variables set is not changed by the file', async () => {
  const flags = { domain: 'flag.example' };
  const { changed, restart } = await compare(
    { flags, yaml: 'domain: a.example\n' },
    { flags, yaml: 'domain: b.example\n' },
  );
  assert.deepEqual([changed, restart], [[], []]);
});

describe('files that options name', () => {
  test('another token in the token’s file is another token', async () => {
    const flags = { token_file: write('token', 'sp_first-token-0123\n') };
    const before = await load('server', { flags });
    write('token', 'sp_second-token-0123\n');
    const { changed, running } = compareLoaded('server', before, await load('server', { flags }));
    assert.deepEqual(changed, ['token']);
    assert.equal(running.options.token, 'sp_second-token-0123');
  });

  test('the same content in another place is no change of a secret', async () => {
    const [one, two] = ['one', 'two'].map((name) => write(name, 'sp_same-token-012345'));
    const { changed } = await compare(
      { yaml: `token: file:${one}\n` },
      { yaml: `token: file:${two}\n` },
    );
    assert.deepEqual(changed, []);
  });

  test('another content of a file that is used by its path is a change', async () => {
    const ca = write('ca.pem', 'one');
    const flags = { ca };
    const before = await load('agent', { flags, yaml: 'services: [{tcp: 22, name: a}]\n' });
    const again = await load('agent', { flags, yaml: 'services: [{tcp: 22, name: a}]\n' });
    assert.deepEqual(compareLoaded('agent', before, again).restart, []);
    write('ca.pem', 'two');
    const after = await load('agent', { flags, yaml: 'services: [{tcp: 22, name: a}]\n' });
    assert.deepEqual(compareLoaded('agent', before, after).restart, ['ca']);
  });

  test('all of them are listed, with the file of the options', async () => {
    const token = write('token', 'sp_first-token-0123\n');
    const yaml = `identities: [{name: a, token: "file:${token}", roles: [agent], names: [x]}]\n`;
    const { files } = await load('server', { yaml });
    assert.deepEqual(files.map(({ key }) => key).toSorted(), ['config', 'identities']);
    assert.equal(files.find(({ key }) => key === 'identities')?.file, token);
  });
});

test('TLS: other files are taken over; TLS or none needs a restart', async () => {
  const [one, two] = ['one.pem', 'two.pem'].map((name) => write(name, 'PEM'));
  const pair = (file: string): Given => ({ yaml: `tls_cert: ${file}\ntls_key: ${file}\n` });
  const other = await compare(pair(one), pair(two));
  assert.deepEqual([other.changed, other.restart], [['tls_cert', 'tls_key'], []]);
  const none = await compare(pair(one), { yaml: 'domain: localhost\n' });
  assert.deepEqual([none.changed, none.restart], [[], ['tls_cert', 'tls_key']]);
  assert.equal(none.running.options.tlsCert, one);
});
