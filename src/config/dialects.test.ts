import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { temporaryFolder } from '../../test/support/files.ts';
import { loadOptions } from './load.ts';

function load(t: TestContext, lines: string[]) {
  const directory = temporaryFolder(t);
  const write = (name: string, text: string): void =>
    fs.writeFileSync(path.join(directory, name), text);
  for (const name of ['groups.yml', 'cert.pem', 'key.pem']) write(name, '');
  write('server.yml', `${lines.join('\n')}\n`);
  const flags = { config: 'server.yml' };
  const loaded = loadOptions('server', { flags, env: {}, directory });
  return { directory, loaded };
}

const quic = ['quic_listen: 127.0.0.1:0', 'tls_cert: cert.pem', 'tls_key: key.pem'];

test('reverst needs groups, and QUIC', async (t) => {
  const { loaded } = load(t, ['compat: [reverst]', 'reverst_groups: groups.yml']);
  await assert.rejects(loaded, {
    code: 'CONFIG_INVALID',
    message: /server\.yml:1:9: compat: reverst .* needs quic_listen and tls_cert beside it/,
  });
  await assert.rejects(load(t, ['compat: [reverst]', ...quic]).loaded, /needs reverst_groups/);
});

test('groups are a file beside the one that names it, or something with a scheme', async (t) => {
  const of = async (written: string): Promise<[string, string | undefined]> => {
    const lines = ['compat: [reverst]', `reverst_groups: ${written}`, ...quic];
    const { directory, loaded } = load(t, lines);
    return [directory, (await loaded).options.reverstGroups];
  };
  for (const written of ['groups.yml', 'file://groups.yml']) {
    const [directory, groups] = await of(written);
    assert.equal(groups, path.join(directory, 'groups.yml'));
  }
  const cluster = 'k8s://configmap/default/groups/groups.yml';
  assert.equal((await of(cluster))[1], cluster);
  await assert.rejects(of('absent.yml'), /absent\.yml: there is no such file/);
});
