/** The OpenAPI 3.1 document of the control API, made of its operations. */
import { z } from 'zod';
import { eventSchema } from '../events/schema.ts';
import {
  operationIds,
  operations,
  parameterHelp,
  pathOf,
  type Content,
  type Operation,
  type OperationId,
} from './operations.ts';
import { CONTROL_REASON_MAX_CHARS } from '../limits.ts';
import { errorView } from './views.ts';

/** Of the API, not of the program: it counts up when a client would notice. */
const API_VERSION = '1.0.0';

type Json = Record<string, unknown>;

export function openApiDocument(): Json {
  const schemas: Record<string, Json> = {
    Error: schemaOf(errorView),
    Event: schemaOf(eventSchema),
  };
  const paths: Record<string, Json> = {};
  for (const id of operationIds) {
    const { method, content }: Operation = operations[id];
    if (content.type === 'json') schemas[content.name] ??= schemaOf(content.view);
    paths[pathOf(id)] = { ...paths[pathOf(id)], [method]: describe(id) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Sallyport control API',
      version: API_VERSION,
      description:
        'For operators of a server: what is there, what happens, and how to end it. Every request needs the credential of an identity with the role admin.',
    },
    servers: [{ url: '/', description: 'A host of the server itself, or that of control_listen.' }],
    security: [{ bearer: [] }, { basic: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: {
          type: 'http',
          scheme: 'basic',
          description: 'Name of the identity, and its token.',
        },
      },
      responses: {
        Failure: { description: 'What went wrong.', content: jsonOf('Error') },
      },
      schemas,
    },
  };
}

function describe(id: OperationId): Json {
  const operation: Operation = operations[id];
  const { summary, path, content, reasoned } = operation;
  const name = /\{(\w+)\}/.exec(path)?.[1];
  const inPath =
    name === undefined ? [] : [{ name, in: 'path', required: true, schema: { type: 'string' } }];
  const filters = (operation.filters ?? []).map((filter) =>
    inQuery(filter, { type: 'array', items: { type: 'string' } }),
  );
  const others = (operation.parameters ?? []).map((other) => inQuery(other, { type: 'string' }));
  return {
    operationId: id,
    tags: [id.slice(0, id.indexOf('.'))],
    summary,
    parameters: [...inPath, ...filters, ...others],
    ...(reasoned === undefined ? {} : { requestBody: reasonBody }),
    responses: {
      200: {
        description: 'Done.',
        content: content.type === 'json' ? jsonOf(content.name) : media[content.type],
      },
      default: { $ref: '#/components/responses/Failure' },
    },
  };
}

const reasonBody: Json = {
  required: false,
  content: {
    'application/json': {
      schema: {
        type: 'object',
        properties: {
          reason: {
            type: 'string',
            minLength: 1,
            maxLength: CONTROL_REASON_MAX_CHARS,
            description: 'Those who are concerned are told.',
          },
        },
        additionalProperties: false,
      },
    },
  },
};

function inQuery(name: string, schema: Json): Json {
  return { name, in: 'query', required: false, description: parameterHelp[name], schema };
}

const media: Readonly<Record<Exclude<Content['type'], 'json'>, Json>> = {
  openapi: { 'application/json': { schema: { type: 'object' } } },
  metrics: { 'text/plain': { schema: { type: 'string' } } },
  events: {
    'text/event-stream': {
      schema: {
        type: 'string',
        description:
          'Messages whose data is an Event as JSON; `lagged` says that some were missed: look again at what there is.',
      },
    },
  },
};

function jsonOf(name: string): Json {
  return { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } };
}

/** JSON Schema 2020-12 is the dialect of OpenAPI 3.1. Fields may be added: readers pass over those they do not know. */
function schemaOf(view: z.ZodType): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(view, {
    io: 'input',
    override({ jsonSchema }) {
      // Codes come with every version: readers take those they do not know.
      if (jsonSchema.enum?.includes('INTERNAL')) delete jsonSchema.enum;
    },
  }) as Json;
  return schema;
}
