/** The protocols of other tools that a server speaks as well. */
import { PUBLIC_CONNECTIONS_MAX, SOKKEN_CONNECTIONS_MAX } from '../limits.ts';
import { dialAddress, namedToken } from './grammar.ts';
import { choice, integer, list, option, text, toggle } from './values.ts';

export const dialectNames = ['callback', 'sokken', 'wstunnel', 'hubble', 'reverst'] as const;

export const dialects = {
  compat: option(list(choice(dialectNames)), {
    value: dialectNames.join('|'),
    help: 'Tools whose programs may connect as well, on the same port, those of reverst on that of quic_listen; docs/migrate-from-….md tells how.',
  }).prefault([]),
  callback_open: option(list(text()), {
    value: 'GLOB',
    help: 'Callback ids that peers without credentials may register and reach, with * for any characters; the original callbackreverse can send none. Without it every peer needs a token.',
  }).prefault([]),
  sokken_allow: option(list(dialAddress()), {
    value: 'HOST:PORT',
    help: 'Addresses that this server itself dials for clients of sokken, and for consumers of the service direct; each is asked for to the letter.',
  }).prefault([]),
  sokken_max_connections: option(integer({ min: 1, max: PUBLIC_CONNECTIONS_MAX }), {
    value: 'N',
    help: 'Tunnels of sokken at once; further ones are answered 429.',
  }).prefault(String(SOKKEN_CONNECTIONS_MAX)),
  sokken_auth: option(choice(['token', 'none']), {
    value: 'token|none',
    help: 'Whether clients of sokken have to present a token of this server, whose scopes then count; original clients do so by ws://NAME:TOKEN@HOST/…. With none everybody reaches the listed addresses, as the original has it.',
  }).prefault('token'),
  hubble_auth: option(choice(['key', 'none']), {
    value: 'key|none',
    help: 'Whether the key of a Hubble agent has to be a token of this server, whose scopes then count; with none every agent gets in, as the original has it.',
  }).prefault('key'),
  wstunnel_tokens: option(list(namedToken()), {
    value: 'NAME=TOKEN',
    secret: true,
    help: 'Rendez-vous tokens of WStunnel agents with the names of their services, which are below the domain too; file:PATH for a file with one on each line.',
  }).prefault([]),
  wstunnel_open: option(toggle(false), {
    help: 'Any rendez-vous token may be registered by whoever comes with it, as the original WStunnel has it.',
  }),
  reverst_groups: option(text(), {
    value: 'FILE|k8s://configmap/NAMESPACE/NAME/KEY',
    path: 'place',
    help: 'The groups of reverst with their hosts and how clients authenticate, in a file as the original reads it, or in a ConfigMap. It is followed: a file that cannot be used changes nothing.',
  }).optional(),
};

interface DialectKeys {
  readonly compat: readonly string[];
  readonly reverst_groups?: string | undefined;
  readonly quic_listen?: string | undefined;
  readonly tls_cert?: string | undefined;
}

/** What a dialect needs beside its name. */
export function checkDialects(
  keys: DialectKeys,
  complain: (path: (string | number)[], message: string) => void,
): void {
  if (!keys.compat.includes('reverst')) return;
  const needed = ['reverst_groups', 'quic_listen', 'tls_cert'] as const;
  const missing = needed.filter((key) => keys[key] === undefined);
  if (missing.length > 0)
    complain(['compat'], `reverst comes by QUIC and needs ${missing.join(' and ')} beside it`);
}
