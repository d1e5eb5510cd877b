import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { openApiDocument } from '../../src/control/openapi.ts';
import { operationIds, operations, pathOf } from '../../src/control/operations.ts';
import { projectRoot } from './source-tree.ts';

const document = JSON.parse(JSON.stringify(openApiDocument())) as Record<string, unknown>;

test('docs/openapi.json is what `sallyport control openapi` prints', () => {
  const written = readFileSync(path.join(projectRoot, 'docs/openapi.json'), 'utf8');
  assert.equal(written, `${JSON.stringify(document, null, 2)}\n`);
});

/** What of OpenAPI 3.1.1 the document uses, and no key besides: sections 4.8.1 to 4.8.30. */
const reference = z.strictObject({ $ref: z.string().startsWith('#/components/') });
const types = ['null', 'boolean', 'object', 'array', 'number', 'string', 'integer'] as const;

/** JSON Schema 2020-12, as far as it is used: the dialect of 3.1, section 4.8.24. */
const schema: z.ZodType = z.lazy(() =>
  z.strictObject({
    $ref: reference.shape.$ref.optional(),
    type: z.union([z.enum(types), z.array(z.enum(types)).min(1)]).optional(),
    description: z.string().optional(),
    properties: z.record(z.string(), schema).optional(),
    required: z.array(z.string()).min(1).optional(),
    additionalProperties: z.union([z.boolean(), schema]).optional(),
    propertyNames: schema.optional(),
    items: schema.optional(),
    anyOf: z.array(schema).min(1).optional(),
    oneOf: z.array(schema).min(1).optional(),
    enum: z.array(z.string()).min(1).optional(),
    const: z.union([z.string(), z.boolean()]).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    exclusiveMinimum: z.number().optional(),
    minLength: z.number().optional(),
    maxLength: z.number().optional(),
    readOnly: z.boolean().optional(),
  }),
);
const content = z.record(z.string().includes('/'), z.strictObject({ schema }));
const response = z.strictObject({ description: z.string().min(1), content });
const operation = z.strictObject({
  operationId: z.string(),
  tags: z.array(z.string()).min(1),
  summary: z.string().min(1),
  parameters: z.array(
    z
      .strictObject({
        name: z.string(),
        in: z.enum(['path', 'query']),
        required: z.boolean(),
        description: z.string().min(1).optional(),
        schema,
      })
      // «If the parameter location is "path", this field is REQUIRED and its value MUST be true.»
      .refine((parameter) => parameter.in !== 'path' || parameter.required),
  ),
  requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
  responses: z.strictObject({ 200: response, default: reference }),
});
const openApi = z.strictObject({
  openapi: z.literal('3.1.1'),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  servers: z.array(z.strictObject({ url: z.string(), description: z.string() })),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  paths: z.record(
    z.string().startsWith('/'),
    z.strictObject({ get: operation.optional(), post: operation.optional() }),
  ),
  components: z.strictObject({
    securitySchemes: z.record(
      z.string(),
      z.strictObject({
        type: z.literal('http'),
        scheme: z.enum(['bearer', 'basic']),
        description: z.string().optional(),
      }),
    ),
    responses: z.record(z.string(), response),
    schemas: z.record(z.string().regex(/^[A-Za-z0-9._-]+$/), schema),
  }),
});

describe('the document is valid OpenAPI', () => {
  const parsed = openApi.parse(document);

  test('every reference leads somewhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]*)"/g)];
    assert.ok(references.length > operationIds.length);
    for (const [, pointer] of references) {
      const found = pointer
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
      assert.notEqual(found, undefined, pointer);
    }
  });

  test('every operation is there once, under its own id, with the parameters of its path', () => {
    const found = Object.entries(parsed.paths).flatMap(([where, item]) =>
      Object.entries(item).map(([method, described]) => ({ where, method, ...described! })),
    );
    assert.deepEqual(
      found.map(({ operationId, where, method }) => `${operationId} ${method} ${where}`),
      operationIds.map((id) => `${id} ${operations[id].method} ${pathOf(id)}`),
    );
    for (const { where, parameters } of found) {
      const inPath = [...where.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = parameters.filter((parameter) => parameter.in === 'path');
      assert.deepEqual(
        declared.map(({ name }) => name),
        inPath,
        where,
      );
    }
  });

  test('every way to authenticate that is asked for is described', () => {
    const asked = parsed.security.flatMap((one) => Object.keys(one));
    assert.deepEqual(asked, Object.keys(parsed.components.securitySchemes));
  });
});
