/** The protocols of other tools that a server speaks as well. */
import { choice, list, option, text } from './values.ts';

export const dialectNames = ['callback', 'hubble'] as const;

export const dialects = {
  compat: option(list(choice(dialectNames)), {
    value: dialectNames.join('|'),
    help: 'Tools whose programs may connect as well, on the same port; docs/migrate-from-….md tells how.',
  }).prefault([]),
  callback_open: option(list(text()), {
    value: 'GLOB',
    help: 'Callback ids that peers without credentials may register and reach, with * for any characters; the original callbackreverse can send none. Without it every peer needs a token.',
  }).prefault([]),
  hubble_auth: option(choice(['key', 'none']), {
    value: 'key|none',
    help: 'Whether the key of a Hubble agent has to be a token of this server, whose scopes then count; with none every agent gets in, as the original has it.',
  }).prefault('key'),
};
