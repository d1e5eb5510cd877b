import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import type { EventPayloads, EventType } from './event.ts';
import { createEventLog, type EventLog } from './log.ts';
import { eventSchema, eventTypes } from './schema.ts';

const client = {
  session: 's1',
  role: 'agent',
  identity: 'ann',
  peer: '192.0.2.1:1',
  protocol: 'sallyport',
} as const;
const stream = {
  stream: 'a-1',
  service: 'web',
  kind: 'http',
  consumer: '192.0.2.2:2',
  identity: null,
  target: null,
} as const;
const served = { service: 'web', session: 's1', identity: 'ann' } as const;
const carried = { bytesUp: 1, bytesDown: 2, ms: 0.5 } as const;

/** One of each, as the compiler wants them. */
const samples: { readonly [Type in EventType]: EventPayloads[Type] } = {
  'client.up': client,
  'client.down': { ...client, reason: 'HEARTBEAT_LOST' },
  'service.up': { ...served, kind: 'http', urls: ['http://web.localhost/'] },
  'service.down': served,
  'service.refused': { ...served, code: 'DENIED', reason: 'rule 3' },
  'stream.opened': stream,
  'stream.refused': { ...stream, code: 'DENIED', reason: 'rule 3' },
  'stream.closed': { ...stream, ...carried, outcome: 'ok' },
  'http.request': {
    request: 'a-2',
    service: 'web',
    consumer: '192.0.2.2:2',
    method: 'GET',
    host: 'web.localhost',
    path: '/',
    status: 200,
    ...carried,
    outcome: 'closed',
  },
  'auth.failed': { door: 'attach', service: null, peer: '192.0.2.3:3', reason: 'unknown token' },
  'config.reloaded': { changed: ['identities'], restart: [] },
  'config.refused': { problems: ['server.yaml:1:1: x'] },
  'server.draining': { graceMs: 30_000 },
  'control.action': {
    operation: 'streams.kick',
    subject: 'a1-1',
    identity: 'ann',
    peer: '192.0.2.1:1',
    reason: null,
  },
};

function publishSample(log: EventLog, type: EventType): void {
  log.publish(type, samples[type]);
}

test('the schema takes every event as it is published, and nothing beside it', () => {
  const log = createEventLog();
  for (const type of eventTypes) publishSample(log, type);
  assert.deepEqual(eventTypes.toSorted(), Object.keys(samples).toSorted());
  for (const event of log.since(0)!) {
    assert.deepEqual(eventSchema.parse(event), event);
    assert.ok(!eventSchema.safeParse({ ...event, more: 1 }).success, event.type);
    for (const key of Object.keys(event)) {
      const { [key]: _left, ...rest } = { ...event } as Record<string, unknown>;
      assert.ok(!eventSchema.safeParse(rest).success, `${event.type} without ${key}`);
    }
  }
});

test('every field is described', () => {
  const schema = z.toJSONSchema(eventSchema) as { oneOf: { properties: object }[] };
  const silent = schema.oneOf.flatMap(({ properties }) =>
    Object.entries(properties as Record<string, { description?: string }>)
      .filter(([name, { description }]) => description === undefined && name !== 'type')
      .map(([name]) => name),
  );
  assert.deepEqual(silent, []);
});
