/** What the server sets for services, whoever offers them: the `services` list of its file. */
import { z } from 'zod';
import { PENDING_STREAMS_MAX } from '../limits.ts';
import { serviceLimits } from './limits.ts';
import { duration, integer, list, option, text, toggle } from './values.ts';

const HOUR_MS = 3_600_000;

const whenAbsent = z.strictObject({
  hold: option(duration({ min: 0, max: HOUR_MS }), {
    value: 'DURATION',
    help: 'How long each waits for an agent, its body unread.',
  }),
  queue: option(integer({ min: 1, max: PENDING_STREAMS_MAX }), {
    value: 'NUMBER',
    help: 'How many may wait at once; others are refused at once.',
  }).prefault('20'),
  answer: option(integer({ min: 500, max: 599 }), {
    value: 'STATUS',
    help: 'HTTP status of those that waited in vain or found the queue full.',
  }).prefault('503'),
});

const rule = z.strictObject({
  name: option(text(), {
    value: 'GLOB',
    help: 'Services that the rule is for; * stands for any run of characters. The first rule that covers a name counts, alone.',
  }),
  authenticators: option(
    list(text()).min(1, 'is empty, so nobody could come in; list one, or remove the key'),
    {
      value: 'NAME',
      help: 'Consumers have to be known to one of these authenticators, asked in the order in which they are configured; `tokens` stands for the identities. Public TCP ports of such a service refuse everybody.',
    },
  ).optional(),
  forward_authorization: option(toggle(false), {
    help: 'Pass the Authorization field on to the target, although the server has looked at it.',
  }),
  when_absent: option(whenAbsent, {
    help: 'What to do with requests and streams while no agent offers the service. With the plain name of a service, not a pattern, it is expected: known from the start of the server on.',
  }).optional(),
  limits: option(serviceLimits, {
    help: 'What each service that the rule covers may use: the keys of `limits` but names.',
  }).optional(),
});

export const serviceRules = list(rule);
