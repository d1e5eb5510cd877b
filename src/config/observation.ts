/** What a server tells of what happens: events and where they go, and metrics. */
import { z } from 'zod';
import { AUDIT_FILE_MIN_BYTES, WEBHOOK_SECRET_MIN_CHARS } from '../limits.ts';
import { calledUrl, eventTypeGlob, listenAddress } from './grammar.ts';
import { byteSize, list, option, text, toggle } from './values.ts';

const TERABYTE = 1_024 ** 4;

const globs = (what: string, glob = text()) =>
  option(list(glob).min(1, 'is empty, so nothing would be told; list one, or remove the key'), {
    value: 'GLOB',
    help: `${what} * stands for any run of characters. Default: all.`,
  }).optional();

const webhook = z.strictObject({
  url: option(calledUrl(), {
    value: 'URL',
    secret: true,
    help: 'Where events are sent (POST, JSON). Redirects are not followed.',
  }),
  secret: option(
    text((value) =>
      value.length < WEBHOOK_SECRET_MIN_CHARS
        ? `has ${value.length} characters; use at least ${WEBHOOK_SECRET_MIN_CHARS}`
        : null,
    ),
    {
      value: 'SECRET',
      secret: true,
      help: `Signs every delivery, so that the receiver knows who sent it. At least ${WEBHOOK_SECRET_MIN_CHARS} characters.`,
    },
  ),
  types: globs('Types of events, such as client.* and auth.failed;', eventTypeGlob()),
  services: globs('Only events of these services;'),
  identities: globs('Only events of these identities;'),
});

export const observation = {
  request_events: option(
    text((value) =>
      /^(?:all|none|1\/[1-9]\d{0,5})$/.test(value)
        ? null
        : 'must be all, none, or 1/100 for one of 100',
    ),
    {
      value: 'all|none|1/N',
      help: 'HTTP requests that become events: all, none, or one of every N.',
    },
  ).prefault('none'),
  audit_file: option(text(), {
    value: 'FILE',
    path: 'written',
    help: 'File to which every event is appended, each line with a hash of the line before it; `sallyport audit verify` finds what was changed.',
  }).optional(),
  audit_types: globs('Types of events that the audit file gets;', eventTypeGlob()),
  audit_max_size: option(byteSize({ min: AUDIT_FILE_MIN_BYTES, max: TERABYTE }), {
    value: 'SIZE',
    help: 'The audit file is put aside, under the number of its last line, before it grows beyond this. Default: never.',
  }).optional(),
  webhooks: option(list(webhook), {
    help: 'Web servers that are sent events.',
  }).prefault([]),
  metrics: option(toggle(true), {
    help: 'Keep the figures that /metrics of the control API shows, for Prometheus.',
  }),
  metrics_listen: option(listenAddress('127.0.0.1'), {
    value: 'HOST:PORT',
    help: 'Serve /metrics there too, to everybody who can reach it.',
  }).optional(),
};
