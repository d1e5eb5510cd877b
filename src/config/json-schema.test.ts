import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { fieldsOf } from './fields.ts';
import { jsonSchema } from './json-schema.ts';
import { fileKinds, schemas } from './schema.ts';

test('every key of a file is described, and no other allowed', () => {
  for (const kind of fileKinds) {
    const { properties, additionalProperties } = jsonSchema(kind) as {
      properties: Record<string, { description: string }>;
      additionalProperties: boolean;
    };
    const inFiles = fieldsOf(schemas[kind]).filter(({ facts }) => facts.file !== false);
    assert.deepEqual(
      Object.keys(properties),
      inFiles.map(({ key }) => key),
    );
    assert.deepEqual(
      Object.values(properties).map(({ description }) => description),
      inFiles.map(({ facts }) => facts.help),
    );
    assert.equal(additionalProperties, false);
  }
});

// The JSON Schema read back and used as editors use it, on the values that YAML gives them.
const server = z.fromJSONSchema(jsonSchema('server'));
const agent = z.fromJSONSchema(jsonSchema('agent'));

test('editors accept plain YAML: numbers, booleans, and single values for lists', () => {
  assert.ok(
    server.safeParse({ listen: 8080, access_log: false, trusted_proxies: '::1', heartbeat: '5s' })
      .success,
  );
  assert.ok(
    agent.safeParse({ services: [{ name: 'web', http: 3000, host: 'a.example', port: 22 }] })
      .success,
  );
});

test('editors mark unknown keys, wrong choices and missing keys', () => {
  assert.ok(!server.safeParse({ lisen: 8080 }).success);
  assert.ok(!server.safeParse({ balance: 'random' }).success);
  assert.ok(!server.safeParse({ access_log: 'maybe' }).success);
  assert.ok(!agent.safeParse({}).success);
  assert.ok(!agent.safeParse({ services: [{ http: 3000 }] }).success);
  assert.ok(!agent.safeParse({ services: [{ name: 'web', http: 3000, hsot: 'x' }] }).success);
});

test('without a kind the schema takes the files of either', () => {
  const either = jsonSchema() as { anyOf: { title: string }[] };
  assert.deepEqual(
    either.anyOf.map(({ title }) => title),
    ['Sallyport server', 'Sallyport agent'],
  );
});
