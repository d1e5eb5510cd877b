/** The JSON Schema of configuration files, with which editors complete and check them. */
import { z } from 'zod';
import { fieldsOf, type Field } from './fields.ts';
import { fileKinds, schemas, type FileKind } from './schema.ts';

type Json = Record<string, unknown>;

/** Of one kind of file, or of both. Draft 2020-12. */
export function jsonSchema(kind?: FileKind): Json {
  const head = { $schema: 'https://json-schema.org/draft/2020-12/schema' };
  if (kind !== undefined) return { ...head, ...schemaOf(kind) };
  return { ...head, title: 'Sallyport configuration', anyOf: fileKinds.map(schemaOf) };
}

function schemaOf(kind: FileKind): Json {
  const schema = schemas[kind];
  const { $schema: _, ...described } = z.toJSONSchema(schema, { io: 'input' }) as Json;
  return { title: `Sallyport ${kind}`, ...describe(described, fieldsOf(schema)) };
}

/** Adds what the schema does not know: the help texts, and that YAML need not quote plain words. */
function describe(object: Json, fields: readonly Field[]): Json {
  const properties = object['properties'] as Record<string, Json>;
  const inFiles = fields.filter(({ facts }) => facts.file !== false);
  const described = inFiles.map((field) => [
    field.key,
    { description: field.facts.help, ...property(properties[field.key], field) },
  ]);
  return { ...object, properties: Object.fromEntries(described) };
}

function property(json: Json, { shape, entry, initial }: Field): Json {
  if (shape === 'switch') return { type: 'boolean', default: initial === 'true' };
  if (shape === 'entries') return { ...json, items: describe(json['items'] as Json, entry) };
  if (shape === 'keys') return describe(json, entry);
  if (shape === 'list')
    return {
      anyOf: [{ ...json, items: scalar(json['items'] as Json) }, scalar(json['items'] as Json)],
    };
  return scalar(json);
}

function scalar(json: Json): Json {
  return json['enum'] === undefined ? { ...json, type: ['string', 'integer'] } : json;
}
