import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/support/wait.ts';
import { createRoutes } from '../../registry/routes.ts';
import { createGroupRoutes } from './group-routes.ts';

const group = (name: string, ...hosts: string[]) => ({ name, hosts, authentication: [] });

function stage() {
  const routes = createRoutes('own.test');
  const gained: string[] = [];
  const groups = createGroupRoutes(routes, ({ group: of, host }) =>
    gained.push(`${host} to ${of}`),
  );
  const serviceOf = (host: string): string | undefined => routes.byHost(host)?.[0].whole?.service;
  return { routes, groups, gained, serviceOf };
}

test('a host that another service has is the group’s as soon as it is free', async () => {
  const { routes, groups, gained, serviceOf } = stage();
  const release = routes.add({ host: 'b.test' }, { service: 'other' });
  const unrouted = groups.replace([group('g', 'a.test', 'b.test', 'own.test')]);
  assert.deepEqual(
    unrouted.map(({ host, error }) => `${host} ${error.code}`),
    ['b.test HOST_TAKEN', 'own.test HOST_RESERVED'],
  );
  assert.deepEqual([serviceOf('a.test'), serviceOf('b.test')], ['g', 'other']);
  release();
  await until('it is free', () => serviceOf('b.test') === 'g');
  assert.deepEqual(gained, ['b.test to g']);
});

test('whoever gives a host up and takes it again at once keeps it', async () => {
  const { routes, groups, gained, serviceOf } = stage();
  const release = routes.add({ host: 'b.test' }, { service: 'other' });
  groups.replace([group('g', 'b.test')]);
  release();
  const releaseAgain = routes.add({ host: 'b.test' }, { service: 'other' });
  await new Promise(setImmediate);
  assert.deepEqual([serviceOf('b.test'), gained], ['other', []]);
  releaseAgain();
  await until('it is free', () => serviceOf('b.test') === 'g');
});

test('a host that the group lists no more, or of a server that ends, is left alone', async () => {
  const { routes, groups, serviceOf } = stage();
  const releases = ['b.test', 'c.test'].map((host) => routes.add({ host }, { service: 'other' }));
  groups.replace([group('g', 'b.test', 'c.test')]);
  groups.replace([group('g', 'c.test')]);
  releases[0]();
  await new Promise(setImmediate);
  assert.equal(serviceOf('b.test'), undefined);
  releases[1]();
  groups.close();
  await new Promise(setImmediate);
  assert.equal(serviceOf('c.test'), undefined);
});
