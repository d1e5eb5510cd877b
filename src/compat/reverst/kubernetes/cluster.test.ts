import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { refuse, startKubernetesApi } from '../../../../test/support/kubernetes-api.ts';
import {
  fileOf,
  groupsPath,
  hears,
  stageCluster,
  tokenPath,
  watchedGroups,
} from '../../../../test/support/kubernetes-stage.ts';
import { parseGroups } from '../../../../test/support/reverst-groups.ts';
import { until } from '../../../../test/support/wait.ts';
import type { SecretSource } from '../groups-source.ts';
import { openCluster } from './cluster.ts';

const textOf = ({ bytes }: SecretSource): string | undefined => bytes?.toString();
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('groups of a ConfigMap', () => {
  test('they are read, and followed as they change', async (t) => {
    const made = await watchedGroups(t);
    assert.deepEqual(made.source.groups[0].hosts, ['a.test']);
    made.api.put('configmap', 'groups', fileOf('b.test'));
    await hears(made, 'b.test');
    made.api.put('configmap', 'others', fileOf('x.test'));
    made.api.put('configmap', 'groups', { ...fileOf('b.test'), more: 'of something else' });
    made.api.put('configmap', 'groups', fileOf('c.test'));
    await hears(made, 'c.test');
    assert.deepEqual(made.source.groups[0].hosts, ['c.test']);
    assert.deepEqual(made.hosts, ['b.test', 'c.test']);
    assert.deepEqual(made.kept, []);
    made.source.close();
    await until('nobody watches', () => made.api.watches === 0);
  });

  test('a value that is no text in the API is read as well', async (t) => {
    const { api, openGroups } = await stageCluster(t);
    api.put('configmap', 'groups', {}, { 'groups.yml': base64(fileOf('a.test')['groups.yml']) });
    assert.deepEqual((await openGroups()).groups[0].hosts, ['a.test']);
  });

  test('without watching they are read once', async (t) => {
    const { api, openGroups } = await stageCluster(t);
    api.put('configmap', 'groups', fileOf('a.test'));
    await openGroups(false);
    assert.deepEqual(api.asked, ['list configmap/tunnels/groups']);
  });

  test('at the start: no object, no key, no groups are refused by name', async (t) => {
    const { api, openGroups } = await stageCluster(t);
    const refused = (message: RegExp) =>
      assert.rejects(openGroups(), { code: 'CONFIG_INVALID', message });
    await refused(/k8s:\/\/configmap\/tunnels\/groups\/groups\.yml: there is no configmap groups/);
    api.put('configmap', 'groups', { 'groups.yaml': 'groups: {}' });
    await refused(/it has no such key; its keys: "groups\.yaml"/);
    api.put('configmap', 'groups', { 'groups.yml': 'groups:\n  g: 1\n' });
    await refused(/k8s:\/\/configmap\/tunnels\/groups\/groups\.yml:2:\d+: groups\.g: is not a map/);
    api.put('configmap', 'groups', { 'groups.yml': '#'.repeat(4 * 1024 * 1024) });
    await assert.rejects(openGroups(), { code: 'CLUSTER_UNAVAILABLE', message: /more than/ });
  });

  test('what makes no sense, or is deleted, changes nothing and is told once', async (t) => {
    const made = await watchedGroups(t);
    made.api.put('configmap', 'groups', { 'groups.yml': 'groups: [' });
    await until('it is told', () => made.kept.length === 1);
    made.api.put('configmap', 'groups', { 'groups.yml': 'groups: [', more: '' });
    made.api.remove('configmap', 'groups');
    await until('it is told', () => made.kept.length === 2);
    assert.match(made.kept[1].message, /there is no configmap groups in namespace tunnels/);
    assert.deepEqual(made.source.groups[0].hosts, ['a.test']);
    made.api.put('configmap', 'groups', fileOf('b.test'));
    await hears(made, 'b.test');
    assert.equal(made.kept.length, 2);
  });
});

describe('who is asked', () => {
  test('403 names the role that is missing, and what the server says', async (t) => {
    const { api, openGroups } = await stageCluster(t);
    const said = 'configmaps is forbidden: User "system:serviceaccount:tunnels:x" cannot list';
    api.answer = (_verb, response) => {
      refuse(response, 403, said);
      return true;
    };
    const message =
      /may not list it \(403\): bind it to a Role of namespace tunnels with the verbs list and watch on configmaps, resourceNames groups; it says "configmaps is forbidden/;
    await assert.rejects(openGroups(), { code: 'CLUSTER_DENIED', message });
  });

  test('a role that may list and not watch is told once, and lists', async (t) => {
    const made = await stageCluster(t);
    made.api.put('configmap', 'groups', fileOf('a.test'));
    made.api.answer = (verb, response) => {
      if (verb === 'watch') refuse(response, 403, 'no');
      return verb === 'watch';
    };
    await made.openGroups();
    await until('it was refused three times', () => made.api.asked.length >= 7);
    assert.deepEqual(
      made.kept.map(({ code }) => code),
      ['CLUSTER_DENIED'],
    );
    assert.match(made.kept[0].message, /may not watch it/);
  });

  test('the token is read again as it rotates', async (t) => {
    const { api, openGroups } = await stageCluster(t);
    api.put('configmap', 'groups', fileOf('a.test'));
    api.rotateToken('the next', 'one before');
    await assert.rejects(openGroups(), { code: 'CLUSTER_DENIED', message: /token.*401/ });
    api.rotateToken('the next');
    await openGroups();
  });

  test('silence, a server of another authority, and none at all are told', async (t) => {
    const { api, openGroups } = await stageCluster(t, { answerMs: 300 });
    api.answer = () => true;
    await assert.rejects(openGroups(), { code: 'CLUSTER_UNAVAILABLE', message: /within 300 ms/ });
    const other = await startKubernetesApi(t);
    const cluster = openCluster({ ...other.access, caFile: api.access.caFile });
    t.after(() => cluster.close());
    const silent = { changed() {}, kept() {} };
    await assert.rejects(cluster.openGroups(groupsPath, parseGroups, true, silent), {
      code: 'CLUSTER_UNAVAILABLE',
      message: /cannot be asked: no connection/,
    });
    api.close();
    await assert.rejects(openGroups(), { code: 'CLUSTER_UNAVAILABLE', message: /ECONNREFUSED/ });
  });
});

test('the role in deploy/ allows what is asked, and nothing else', async (t) => {
  const { api, openSecret } = await watchedGroups(t);
  api.put('secret', 'tokens', { one: base64('1') });
  openSecret();
  await until('both are watched', () => api.watches === 2);
  const file = readFileSync(
    new URL('../../../../deploy/reverst-role.yaml', import.meta.url),
    'utf8',
  );
  const role = parseAllDocuments(file)[0].toJS() as {
    rules: { resources: string[]; resourceNames: string[]; verbs: string[] }[];
  };
  const asked = api.asked.map((what) => /^(\w+) (\w+)\//.exec(what)!.slice(1));
  const allowed = role.rules.flatMap(({ resources, verbs }) =>
    verbs.map((verb) => `${verb} ${resources[0]}`),
  );
  const used = new Set(asked.map(([verb, kind]) => `${verb} ${kind}s`));
  assert.deepEqual(used, new Set(allowed));
  assert.ok(role.rules.every(({ resourceNames }) => resourceNames.length === 1));
});

describe('a secret', () => {
  test('comes when it is there, and is followed byte for byte', async (t) => {
    const { api, openSecret, secret } = await stageCluster(t);
    const source = openSecret();
    assert.equal(textOf(source), undefined);
    await until('its absence is told', () => secret.troubles.length === 1);
    assert.match(secret.troubles[0].message, /there is no secret tokens/);
    api.put('secret', 'tokens', { one: base64('first\n') });
    await until('it is there', () => textOf(source) === 'first\n');
    api.put('secret', 'tokens', { one: base64('second') });
    await until('it is another', () => textOf(source) === 'second');
    assert.equal(secret.changes, 2);
    api.remove('secret', 'tokens');
    await until('its end is told', () => secret.troubles.length === 2);
    assert.equal(textOf(source), 'second');
  });

  test('no base64, nothing in it: told without what it holds', async (t) => {
    const { api, openSecret, secret } = await stageCluster(t);
    openSecret();
    await until('its absence is told', () => secret.troubles.length === 1);
    api.put('secret', 'tokens', { one: 'p%ssword' });
    await until('it is told', () => secret.troubles.length === 2);
    api.put('secret', 'tokens', { one: '' });
    await until('it is told', () => secret.troubles.length === 3);
    assert.match(secret.troubles[1].message, /its value is no base64/);
    assert.match(secret.troubles[2].message, /its value is empty/);
    assert.ok(secret.troubles.every(({ message }) => !message.includes('p%ss')));
  });

  test('several readers of an object share one watch of it', async (t) => {
    const { api, cluster } = await stageCluster(t);
    api.put('secret', 'tokens', { one: base64('1'), two: base64('2') });
    const silent = { changed() {}, trouble() {} };
    const one = cluster.openSecret(tokenPath, silent);
    const two = cluster.openSecret({ ...tokenPath, key: 'two' }, silent);
    await until('both are there', () => one.bytes !== null && two.bytes !== null);
    assert.equal(textOf(cluster.openSecret(tokenPath, silent)), '1');
    await until('it is watched', () => api.watches === 1);
    assert.deepEqual(
      api.asked.filter((what) => what.startsWith('list')),
      ['list secret/tunnels/tokens'],
    );
  });
});
