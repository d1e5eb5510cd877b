/**
 * Every operation of the control API, described once: routing, authorisation (its id is the `service`
 * of the policy's question), the OpenAPI document and the client come from here.
 */
import type { z } from 'zod';
import {
  clientView,
  configView,
  drainingView,
  endedView,
  eventView,
  identityView,
  listOf,
  reloadedView,
  restoredView,
  routeView,
  serviceView,
  statusView,
  streamView,
} from './views.ts';

/** Where all of it stands; `/metrics` alone is at the root, where scrapers look for it. */
export const CONTROL_BASE = '/api/v1';

/** What the body of a 200 is. */
export type Content =
  | { readonly type: 'json'; readonly view: z.ZodType; readonly name: string }
  | { readonly type: 'events' | 'metrics' | 'openapi' };

export interface Operation {
  /** For people: one line. */
  readonly summary: string;
  /** `post` changes something, and takes `{"reason": "…"}` where `reasoned`. */
  readonly method: 'get' | 'post';
  /** `{name}` stands for the one parameter there may be. */
  readonly path: string;
  readonly content: Content;
  /** The body may give a reason, which those who are concerned are told. */
  readonly reasoned?: true;
  /** Lists of globs in the query. */
  readonly filters?: readonly string[];
  /** Other values in the query: see `parameterHelp`. */
  readonly parameters?: readonly string[];
}

function json<View extends z.ZodType>(name: string, view: View) {
  return { type: 'json', name, view } as const;
}

const ended = json('Ended', endedView);

export const operations = {
  'status.read': {
    summary: 'The server as a whole.',
    method: 'get',
    path: '/status',
    content: json('Status', statusView),
  },
  'agents.list': {
    summary: 'Agents that are attached, oldest first.',
    method: 'get',
    path: '/agents',
    content: json('ClientList', listOf(clientView)),
    filters: ['identity'],
  },
  'agents.kick': {
    summary:
      'End the session of an agent. It does not dial again, unless it was told to keep trying.',
    method: 'post',
    path: '/agents/{session}/kick',
    content: ended,
    reasoned: true,
  },
  'consumers.list': {
    summary: 'Consumers that are attached (connect, forward), oldest first.',
    method: 'get',
    path: '/consumers',
    content: json('ClientList', listOf(clientView)),
    filters: ['identity'],
  },
  'consumers.kick': {
    summary: 'End the session of a consumer, and its streams.',
    method: 'post',
    path: '/consumers/{session}/kick',
    content: ended,
    reasoned: true,
  },
  'services.list': {
    summary: 'Services that are known, those without an agent too.',
    method: 'get',
    path: '/services',
    content: json('ServiceList', listOf(serviceView)),
    filters: ['service'],
  },
  'services.kick': {
    summary: 'Take a service from its agents and end its streams. Its agents stay attached.',
    method: 'post',
    path: '/services/{service}/kick',
    content: ended,
    reasoned: true,
  },
  'routes.list': {
    summary: 'What of the public side leads to which service.',
    method: 'get',
    path: '/routes',
    content: json('RouteList', listOf(routeView)),
    filters: ['service'],
  },
  'streams.list': {
    summary: 'Streams that are open, oldest first.',
    method: 'get',
    path: '/streams',
    content: json('StreamList', listOf(streamView)),
    filters: ['service', 'identity'],
  },
  'streams.kick': {
    summary: 'End a stream, both ways.',
    method: 'post',
    path: '/streams/{stream}/kick',
    content: ended,
    reasoned: true,
  },
  'identities.list': {
    summary: 'Identities that the server knows by name, and those that were revoked.',
    method: 'get',
    path: '/identities',
    content: json('IdentityList', listOf(identityView)),
    filters: ['identity'],
  },
  'identities.revoke': {
    summary: 'Let nobody be this identity until it is restored, and end all it has open.',
    method: 'post',
    path: '/identities/{identity}/revoke',
    content: ended,
  },
  'identities.restore': {
    summary: 'Undo a revocation.',
    method: 'post',
    path: '/identities/{identity}/restore',
    content: json('Restored', restoredView),
  },
  'config.read': {
    summary: 'The options in force, secrets masked.',
    method: 'get',
    path: '/config',
    content: json('Config', configView),
  },
  'config.reload': {
    summary: 'Read the configuration again.',
    method: 'post',
    path: '/reload',
    content: json('Reloaded', reloadedView),
  },
  'server.drain': {
    summary:
      'Take nothing new and tell clients to dial again. What runs goes on, and so does the process.',
    method: 'post',
    path: '/drain',
    content: json('Draining', drainingView),
  },
  'events.follow': {
    summary:
      'Events as they happen, for EventSource. Last-Event-ID, or the seq of a list, is where to go on.',
    method: 'get',
    path: '/events',
    content: { type: 'events' },
    filters: ['type', 'service', 'identity'],
    parameters: ['after'],
  },
  'events.recent': {
    summary: 'The newest events that are kept, oldest first.',
    method: 'get',
    path: '/events/recent',
    content: json('EventList', listOf(eventView)),
    filters: ['type', 'service', 'identity'],
    parameters: ['limit'],
  },
  'metrics.read': {
    summary: 'Metrics for Prometheus.',
    method: 'get',
    path: '/metrics',
    content: { type: 'metrics' },
  },
  'openapi.read': {
    summary: 'This document.',
    method: 'get',
    path: '/openapi.json',
    content: { type: 'openapi' },
  },
} as const satisfies Readonly<Record<string, Operation>>;

/** What the values in the query mean. */
export const parameterHelp: Readonly<Record<string, string>> = {
  type: 'Glob of types of events, such as stream.*; may be repeated.',
  service: 'Glob of names of services; may be repeated.',
  identity: 'Glob of names of identities; may be repeated.',
  after:
    'Where to go on: `RUN-SEQ` of a list or the id of an event; a SEQ alone is one of this run. Last-Event-ID wins over it.',
  limit: 'How many at most.',
};

export type OperationId = keyof typeof operations;

export const operationIds = Object.keys(operations) as OperationId[];

/** Where it is, from the root. */
export function pathOf(id: OperationId): string {
  return id === 'metrics.read' ? '/metrics' : `${CONTROL_BASE}${operations[id].path}`;
}
