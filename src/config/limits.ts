/** How much of the server one identity or one service may use: the `limits` of its file. */
import { z } from 'zod';
import { BYTE_RATE_MAX, BYTE_RATE_MIN } from '../limits.ts';
import { byteRate, integer, option, perSecond } from './values.ts';

/** More than this cannot be meant. */
const MANY = 1_000_000_000;

const common = {
  streams: option(integer({ min: 0, max: MANY }), {
    value: 'NUMBER',
    help: 'Streams open at once: HTTP requests under way and upgraded connections, connections to public ports, and those of connect and forward.',
  }).optional(),
  requests: option(perSecond({ min: 1, max: MANY }), {
    value: 'NUMBER/s',
    help: 'HTTP requests a second; so many may come at once.',
  }).optional(),
  up: option(byteRate({ min: BYTE_RATE_MIN, max: BYTE_RATE_MAX }), {
    value: 'BYTES/s',
    help: 'Bytes a second from consumers to services, in all streams together; each gets an equal share.',
  }).optional(),
  down: option(byteRate({ min: BYTE_RATE_MIN, max: BYTE_RATE_MAX }), {
    value: 'BYTES/s',
    help: 'Bytes a second from services to consumers.',
  }).optional(),
};

export const identityLimits = z.strictObject({
  connections: option(integer({ min: 0, max: MANY }), {
    value: 'NUMBER',
    help: 'Agents and consumers attached at once.',
  }).optional(),
  names: option(integer({ min: 0, max: MANY }), {
    value: 'NUMBER',
    help: 'Names of services registered at once.',
  }).optional(),
  ...common,
});

export const serviceLimits = z.strictObject({
  connections: option(integer({ min: 0, max: MANY }), {
    value: 'NUMBER',
    help: 'Agents that offer the service at once.',
  }).optional(),
  ...common,
});
