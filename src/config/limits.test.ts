import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { optionsOf, refusal } from '../../test/support/options.ts';
import { jsonSchema } from './json-schema.ts';

const yaml = `
limits: {streams: 100, up: 512KB/s, down: 2048}
identities:
  - name: ann
    token: sp_a-token-of-the-limits-tests
    roles: [agent]
    names: ["*"]
    limits: {connections: 2, names: 5, requests: 50/s}
services:
  - name: "shop-*"
    limits: {connections: 3, requests: 20, down: 1.5MB/s}
max_connections: 1000
`;

test('limits of all, of an identity and of services, in their units', async () => {
  const { limits, identities, services, maxConnections } = await optionsOf('server', { yaml });
  assert.deepEqual(limits, { streams: 100, up: 512 * 1024, down: 2_048 });
  assert.deepEqual(identities?.[0].limits, { connections: 2, names: 5, requests: 50 });
  assert.deepEqual(services?.[0].limits, { connections: 3, requests: 20, down: 1.5 * 1024 ** 2 });
  assert.equal(maxConnections, 1_000);
});

const wrong = {
  'limits: {streams: many}': /limits\.streams: must be a whole number/,
  'limits: {up: 10 MB}': /limits\.up: must be a rate, not "10 MB"; write 512KB\/s or 10MB\/s/,
  'limits: {up: 100}': /limits\.up: is 100; choose between 1KB\/s and 1024GB\/s/,
  'limits: {requests: 5/m}': /limits\.requests: must be 1\/s to .*, not "5\/m"; write 50\/s/,
  'limits: {stream: 5}': /limits\.stream: is no option here; did you mean streams\?/,
  'limits: 5': /limits: must be keys and values/,
  'services: [{name: web, limits: {names: 5}}]': /services\[0\]\.limits\.names: is no option here/,
  'max_connections: 0': /max_connections: must be a whole number from 1 to/,
};

for (const [line, message] of Object.entries(wrong)) {
  test(`refused with its place: ${line}`, async () => {
    assert.match(await refusal('server', { yaml: line }), message);
  });
}

test('editors know the keys inside', () => {
  const server = z.fromJSONSchema(jsonSchema('server'));
  assert.ok(server.safeParse({ limits: { streams: 5, up: '1MB/s' } }).success);
  assert.ok(!server.safeParse({ limits: { stream: 5 } }).success);
});
