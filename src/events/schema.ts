/**
 * The schema of events, for those who describe or check them: the pages, the OpenAPI document, tests.
 * The types of event.ts are what it is held to; the server publishes without it.
 */
import { z } from 'zod';
import { errorKinds, type ErrorCode } from '../errors.ts';
import type { EventPayloads, EventType, SallyportEvent } from './event.ts';

const service = z.string().describe('Name of the service.');
const session = z.string().describe('Id of the session.');
const identity = z.string().describe('Name of the identity.');
const address = (whose: string) => z.string().describe(`\`ip:port\` of ${whose}.`);
const count = (what: string) => z.int().nonnegative().describe(what);
const ms = (what: string) => z.number().nonnegative().describe(what);
const kind = z.enum(['http', 'tcp']).describe('What the service speaks.');
const codes = Object.keys(errorKinds) as [ErrorCode, ...ErrorCode[]];
const outcome = z
  .enum(['ok', 'closed', ...codes])
  .describe('`ok`, `closed` for one that left early, or an error code.');
const bytes = {
  bytesUp: count('Bytes from the consumer to the target.'),
  bytesDown: count('Bytes from the target to the consumer.'),
};

const client = {
  session,
  role: z.enum(['agent', 'consumer']).describe('What the client is here for.'),
  identity,
  peer: address('the client'),
  protocol: z.string().describe('`sallyport`, or the name of another tool’s protocol.'),
};

const stream = {
  stream: z.string().describe('Id of the stream; the same in the access log.'),
  service,
  kind,
  consumer: address('the consumer'),
  identity: identity.nullable().describe('Name of the identity; null when nobody has said.'),
  target: z
    .string()
    .nullable()
    .describe('`host:port` chosen by the consumer; null for that of the service.'),
};

const refusal = {
  code: z.string().describe('Error code.'),
  reason: z.string().describe('What refused it, and why.'),
};

/** By type, what an event holds besides its number, time and type. */
export const eventPayloads = {
  'client.up': z.strictObject(client),
  'client.down': z.strictObject({ ...client, reason: outcome }),
  'service.up': z.strictObject({
    service,
    kind,
    session,
    identity,
    urls: z.array(z.string()).readonly().describe('Where it can be reached.'),
  }),
  'service.down': z.strictObject({ service, session, identity }),
  'service.refused': z.strictObject({ service, session, identity, ...refusal }),
  'stream.opened': z.strictObject(stream),
  'stream.refused': z.strictObject({ ...stream, ...refusal }),
  'stream.closed': z.strictObject({
    ...stream,
    ...bytes,
    ms: ms('From the opening to the end, in milliseconds.'),
    outcome,
  }),
  'http.request': z.strictObject({
    request: z.string().describe('Id of the request; the same in the access log.'),
    service: service.describe('Name of the service; empty when the request found none.'),
    consumer: address('the consumer'),
    method: z.string().describe('Method of the request.'),
    host: z.string().describe('Host that was asked for.'),
    path: z.string().describe('Without its query.'),
    status: count('Status of the response; 0 when there was none.'),
    ...bytes,
    ms: ms('From the first byte of the request to the last of the response, in milliseconds.'),
    outcome,
  }),
  'auth.failed': z.strictObject({
    door: z.enum(['attach', 'service', 'control']).describe('Where they were shown.'),
    service: service.nullable().describe('Name of the service, at whose door it was.'),
    peer: address('who was turned away'),
    reason: z.string().describe('Why, without the credentials.'),
  }),
  'config.reloaded': z.strictObject({
    changed: z.array(z.string()).readonly().describe('What is different from now on.'),
    restart: z.array(z.string()).readonly().describe('What takes a restart to be so.'),
  }),
  'config.refused': z.strictObject({
    problems: z.array(z.string()).readonly().describe('What is wrong, each with its place.'),
  }),
  'server.draining': z.strictObject({
    graceMs: ms('How long running work may go on, in milliseconds.'),
  }),
  'control.action': z.strictObject({
    operation: z.string().describe('Name of the operation, such as `streams.kick`.'),
    subject: z
      .string()
      .nullable()
      .describe('Id or name of what it was done to; null for the server as a whole.'),
    identity,
    peer: address('the operator'),
    reason: z.string().nullable().describe('In the operator’s words; null when none were given.'),
  }),
} satisfies { readonly [Type in EventType]: z.ZodType<EventPayloads[Type]> };

/** By type, when it happens. */
const meanings: { readonly [Type in EventType]: string } = {
  'client.up': 'A client has attached.',
  'client.down': 'A client is gone.',
  'service.up': 'An agent serves a service from now on.',
  'service.down': 'An agent no longer serves it.',
  'service.refused': 'The policy did not let an agent offer a service.',
  'stream.opened': 'A stream was allowed and came to an agent.',
  'stream.refused': 'A stream was refused.',
  'stream.closed': 'A stream has ended.',
  'http.request': 'A request was answered, or failed; only with `request_events`.',
  'auth.failed': 'Credentials were not accepted.',
  'config.reloaded': 'A changed configuration was taken over.',
  'config.refused': 'A changed configuration cannot be used; the old one stays.',
  'server.draining': 'A shutdown was asked for.',
  'control.action': 'An operator has changed something.',
};

export const eventTypes = Object.keys(eventPayloads) as EventType[];

const head = {
  seq: z.int().positive().describe('Counts from 1, without gaps, for one run of the server.'),
  time: z.int().describe('Milliseconds since 1970, UTC.'),
};

/** Any event. */
export const eventSchema = z.discriminatedUnion(
  'type',
  eventTypes.map((type) =>
    z
      .strictObject({ ...head, type: z.literal(type), ...eventPayloads[type].shape })
      .describe(meanings[type]),
  ) as unknown as [z.ZodObject<{ type: z.ZodLiteral<EventType> }>],
) as unknown as z.ZodType<SallyportEvent>;
