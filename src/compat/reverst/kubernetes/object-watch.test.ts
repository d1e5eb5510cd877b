import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  fileOf,
  hears,
  stageCluster,
  watchedGroups,
} from '../../../../test/support/kubernetes-stage.ts';
import { until } from '../../../../test/support/wait.ts';

describe('the watch', () => {
  for (const how of ['end', 'destroy'] as const)
    test(`goes on from where it was after an ${how}`, async (t) => {
      const made = await watchedGroups(t);
      made.api.put('configmap', 'others', {});
      made.api.endWatches(how);
      await until('it is over', () => made.api.watches === 0);
      made.api.put('configmap', 'groups', fileOf('b.test'));
      await hears(made, 'b.test');
      assert.deepEqual(made.api.asked.slice(2), [
        'watch configmap/tunnels/groups 1001',
        'watch configmap/tunnels/groups 1001',
      ]);
      assert.deepEqual(made.kept, []);
    });

  test('a bookmark moves its place on', async (t) => {
    const { api } = await watchedGroups(t);
    api.bookmark();
    api.endWatches('end');
    await until('it watches again', () => api.asked.length === 4);
    assert.equal(api.asked[3], 'watch configmap/tunnels/groups 1002');
  });

  test('a connection that has died without a word is given up', async (t) => {
    const { api, openGroups } = await stageCluster(t, { watchMs: 200 });
    api.put('configmap', 'groups', fileOf('a.test'));
    await openGroups();
    await until('it has watched three times', () => api.asked.length >= 5);
    assert.equal(api.asked.filter((what) => what.startsWith('list')).length, 2);
  });

  test('lists again where its place is forgotten, told by status or by event', async (t) => {
    const made = await watchedGroups(t);
    made.api.put('configmap', 'others', {});
    made.api.endWatches('end');
    made.api.forget();
    await until(
      'it has listed',
      () => made.api.asked.filter((a) => a.startsWith('list')).length === 3,
    );
    await until('it watches again', () => made.api.watches === 1);
    const gone = { type: 'ERROR', object: { kind: 'Status', code: 410 } };
    made.api.sayToWatchers(`${JSON.stringify(gone)}\n`);
    made.api.endWatches('end');
    await until('it is over', () => made.api.watches === 0);
    made.api.put('configmap', 'groups', fileOf('b.test'));
    await hears(made, 'b.test');
    assert.deepEqual(made.kept, []);
  });

  const garbage: readonly (readonly [string, string, RegExp])[] = [
    ['no JSON', '{"type":"MODIF\n', /no JSON/],
    ['no event', '{"kind":"Pod"}\n', /no event/],
    ['no object', '{"type":"MODIFIED","object":{"metadata":{}}}\n', /holds no object/],
    ['an error', '{"type":"ERROR","object":{"code":500}}\n', /with an error/],
    ['no end', 'x'.repeat(4 * 1024 * 1024 + 1), /has more than \d+ bytes/],
  ];
  for (const [what, text, message] of garbage)
    test(`garbage costs the watch and nothing else: ${what}`, async (t) => {
      const made = await watchedGroups(t);
      made.api.sayToWatchers(text);
      await until('it is told', () => made.kept.length === 1);
      assert.equal(made.kept[0].code, 'CLUSTER_UNAVAILABLE');
      assert.match(made.kept[0].message, message);
      made.api.put('configmap', 'groups', fileOf('b.test'));
      await hears(made, 'b.test');
      assert.equal(made.kept.length, 1);
    });

  test('an API server that is away for a while is waited for', async (t) => {
    const made = await watchedGroups(t);
    made.api.answer = (_verb, response) => {
      response.destroy();
      return true;
    };
    made.api.endWatches('destroy');
    await until('it is told', () => made.kept.length > 0);
    const asked = made.api.asked.length;
    await until('it tries on', () => made.api.asked.length > asked);
    assert.deepEqual(new Set(made.kept.map(({ code }) => code)), new Set(['CLUSTER_UNAVAILABLE']));
    made.api.put('configmap', 'groups', fileOf('b.test'));
    made.api.answer = null;
    await hears(made, 'b.test');
  });
});
