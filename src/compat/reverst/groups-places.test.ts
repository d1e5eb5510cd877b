import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../../test/support/files.ts';
import { parseGroups } from '../../../test/support/reverst-groups.ts';
import { SallyportError } from '../../errors.ts';
import type { ClusterPath } from './cluster-path.ts';
import { createPlaces } from './groups-places.ts';
import type { Cluster } from './groups-source.ts';

const silent = { changed() {}, kept() {}, trouble() {} };
const text = 'groups:\n  g:\n    hosts: [a.b]\n    authentication: { type: insecure }\n';

function placesIn(directory: string) {
  const asked: ClusterPath[] = [];
  const cluster: Cluster = {
    openGroups(place) {
      asked.push(place);
      return Promise.resolve({ groups: [], close() {} });
    },
    openSecret(place) {
      asked.push(place);
      return { bytes: Buffer.from('token'), close() {} };
    },
    close() {},
  };
  const options = { directory, parse: parseGroups, watch: false, cluster: () => cluster };
  return { asked, places: createPlaces(options) };
}

test('a path, and the same behind file://, lead to a file', async (t) => {
  const folder = temporaryFolder(t);
  fs.writeFileSync(path.join(folder, 'groups.yml'), text);
  const { places, asked } = placesIn(folder);
  for (const spec of ['groups.yml', 'file://groups.yml', `file://${folder}/groups.yml`]) {
    const source = await places.openGroups(spec, silent);
    assert.equal(source.groups[0].name, 'g');
  }
  const secret = places.openSecret('groups.yml', silent);
  t.after(() => secret.close());
  assert.equal(secret.bytes?.toString(), text);
  assert.deepEqual(asked, []);
});

test('k8s:// leads to an object of the cluster', async (t) => {
  const { places, asked } = placesIn(temporaryFolder(t));
  await places.openGroups('k8s://configmap/default/groups/groups.yml', silent);
  assert.equal(places.openSecret('k8s://secret/ns/tokens/one', silent).bytes?.toString(), 'token');
  assert.deepEqual(asked, [
    { kind: 'configmap', namespace: 'default', name: 'groups', key: 'groups.yml' },
    { kind: 'secret', namespace: 'ns', name: 'tokens', key: 'one' },
  ]);
});

test('what names nothing is refused, and cannot leave its place in a URL', async (t) => {
  const { places } = placesIn(temporaryFolder(t));
  const bad = [
    'https://example.com/groups.yml',
    'file://',
    'k8s://configmap/default/groups',
    'k8s://secret/default/groups/key',
    'k8s://configmap/default/../key',
    'k8s://configmap/default/groups/..',
    'k8s://configmap/default/groups/a/b',
    'k8s://configmap/De fault/groups/a',
    'k8s://configmap/default/groups/a?watch=1',
  ];
  for (const spec of bad)
    await assert.rejects(
      places.openGroups(spec, silent),
      (thrown) => thrown instanceof SallyportError && thrown.code === 'CONFIG_INVALID',
      spec,
    );
  assert.throws(() => places.openSecret('k8s://configmap/a/b/c', silent), /k8s:\/\/secret\/NAME/);
});
