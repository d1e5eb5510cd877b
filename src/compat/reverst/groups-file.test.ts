import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { temporaryFolder } from '../../../test/support/files.ts';
import { until } from '../../../test/support/wait.ts';
import { openGroup, parseGroups } from '../../../test/support/reverst-groups.ts';
import type { SallyportError } from '../../errors.ts';
import { REVERST_GROUPS_FILE_MAX_BYTES, REVERST_SECRET_MAX_BYTES } from '../../limits.ts';
import { openGroupsFile, openSecretFile } from './groups-file.ts';

const textOf = (host: string): string => `groups:\n${openGroup('g', host)}`;

function followed(t: TestContext, text: string) {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'groups.yml');
  fs.writeFileSync(file, text);
  const hosts: string[] = [];
  const kept: SallyportError[] = [];
  const source = openGroupsFile(file, parseGroups, true, {
    changed: ([group]) => hosts.push(...group.hosts),
    kept: (error) => kept.push(error),
  });
  t.after(() => source.close());
  const replace = (next: string): void => {
    fs.writeFileSync(`${file}.next`, next);
    fs.renameSync(`${file}.next`, file);
  };
  return { folder, file, source, hosts, kept, replace };
}

test('a file that cannot be used at the start is refused', (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'groups.yml');
  const events = { changed() {}, kept() {} };
  const open = () => openGroupsFile(file, parseGroups, true, events);
  const refused = (why: RegExp) =>
    assert.throws(open, (thrown: SallyportError) => {
      assert.equal(thrown.code, 'CONFIG_INVALID');
      assert.match(thrown.message, why);
      return true;
    });
  refused(/cannot read .*groups\.yml: ENOENT/);
  fs.writeFileSync(file, 'groups: [');
  refused(/groups\.yml:1:\d+/);
  fs.writeFileSync(file, textOf('a.b').replace('hosts', 'host'));
  refused(/groups\.yml:3:\d+: groups\.g\.host: key "host" is not known here/);
});

test('a file that is larger than any makes sense is not read', (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'large');
  fs.writeFileSync(file, Buffer.alloc(REVERST_GROUPS_FILE_MAX_BYTES + 1, '#'));
  assert.throws(() => openGroupsFile(file, parseGroups, false, { changed() {}, kept() {} }), {
    code: 'CONFIG_INVALID',
    message: /is larger than the 4194304 bytes/,
  });
  const troubles: string[] = [];
  fs.truncateSync(file, REVERST_SECRET_MAX_BYTES + 1);
  const source = openSecretFile(file, {
    changed() {},
    trouble: ({ message }) => troubles.push(message),
  });
  t.after(() => source.close());
  assert.match(troubles[0], /is larger than the 16384 bytes/);
  assert.equal(source.bytes, null);
});

test('what another file that is renamed over it holds counts', async (t) => {
  const { source, hosts, replace } = followed(t, textOf('a.b'));
  replace(textOf('c.d'));
  await until('the change is told', () => hosts.includes('c.d'));
  assert.deepEqual(source.groups[0].hosts, ['c.d']);
});

test('a swap of links, as Kubernetes mounts are changed, counts', async (t) => {
  const folder = temporaryFolder(t);
  for (const host of ['a.b', 'c.d']) {
    fs.mkdirSync(path.join(folder, host));
    fs.writeFileSync(path.join(folder, host, 'groups.yml'), textOf(host));
  }
  fs.symlinkSync('a.b', path.join(folder, '..data'));
  fs.symlinkSync('..data/groups.yml', path.join(folder, 'groups.yml'));
  const hosts: string[] = [];
  const events = {
    changed: ([group]: readonly { hosts: readonly string[] }[]) => void hosts.push(...group.hosts),
    kept() {},
  };
  const source = openGroupsFile(path.join(folder, 'groups.yml'), parseGroups, true, events);
  t.after(() => source.close());
  fs.symlinkSync('c.d', path.join(folder, '..next'));
  fs.renameSync(path.join(folder, '..next'), path.join(folder, '..data'));
  await until('the change is told', () => hosts.includes('c.d'));
});

test('a bad file changes nothing, is told once, and may be mended', async (t) => {
  const { source, hosts, kept, replace, folder } = followed(t, textOf('a.b'));
  replace('groups: {}\nunknown: 1\n');
  await until('it is told', () => kept.length > 0);
  fs.writeFileSync(path.join(folder, 'beside'), '');
  replace('groups: {}\nunknown: 1\n');
  replace(textOf('c.d'));
  await until('the change is told', () => hosts.includes('c.d'));
  assert.deepEqual(
    kept.map(({ code }) => code),
    ['CONFIG_INVALID'],
  );
  assert.match(kept[0].message, /groups\.yml:2:1: unknown/);
  assert.deepEqual(source.groups[0].hosts, ['c.d']);
});

test('a secret counts byte by byte, and stays while its file cannot be used', async (t) => {
  const file = path.join(temporaryFolder(t), 'token');
  const troubles: string[] = [];
  let changes = 0;
  const source = openSecretFile(file, {
    changed: () => void changes++,
    trouble: ({ message }) => troubles.push(message),
  });
  t.after(() => source.close());
  assert.equal(String(source.bytes), 'null');
  assert.match(troubles[0], /cannot read .*token: ENOENT/);
  fs.writeFileSync(file, 'one\n');
  await until('it is there', () => source.bytes?.toString() === 'one\n');
  fs.writeFileSync(file, '');
  await until('the trouble is told', () => troubles.some((why) => why.includes('is empty')));
  assert.equal(source.bytes?.toString(), 'one\n');
  fs.writeFileSync(file, 'two');
  await until('it is another', () => source.bytes?.toString() === 'two');
  assert.equal(changes, 2);
});
