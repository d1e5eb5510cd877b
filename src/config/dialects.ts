/** The protocols of other tools that a server speaks as well. */
import { choice, list, option } from './values.ts';

export const dialectNames = ['hubble'] as const;

export const dialects = {
  compat: option(list(choice(dialectNames)), {
    value: dialectNames.join('|'),
    help: 'Tools whose programs may connect as well, on the same port; docs/migrate-from-….md tells how.',
  }).prefault([]),
  hubble_auth: option(choice(['key', 'none']), {
    value: 'key|none',
    help: 'Whether the key of a Hubble agent has to be a token of this server, whose scopes then count; with none every agent gets in, as the original has it.',
  }).prefault('key'),
};
