/** Scopes that a token carries: texts such as `sallyport:name:web-*` in one of its claims. */
import type { Role, Scopes } from '../identity.ts';

const PREFIX = 'sallyport:';
const CLAIMED_SCOPES_MAX = 64;

const roles: ReadonlySet<string> = new Set<Role>(['agent', 'consumer', 'admin']);
const kinds = {
  role: 'roles',
  name: 'names',
  host: 'hosts',
  port: 'ports',
  target: 'targets',
} as const;

/**
 * The scopes in a claim: a list of texts, or one text with spaces between (RFC 8693, section 4.2).
 * What does not begin with `sallyport:` is somebody else's. Null when one that does makes no sense:
 * such a token is not understood, so it is good for nothing.
 */
export function readScopes(claim: unknown): Scopes | null {
  const texts = typeof claim === 'string' ? claim.split(' ') : claim;
  if (texts === undefined) return { roles: [] };
  if (!Array.isArray(texts)) return null;
  const own = texts.filter((text) => typeof text === 'string' && text.startsWith(PREFIX));
  if (own.length > CLAIMED_SCOPES_MAX) return null;
  const scopes = { roles: [] as Role[], names: [], hosts: [], ports: [], targets: [] };
  for (const text of own as string[]) {
    const [, kind = '', value = ''] = /^sallyport:([a-z]+):(.+)$/.exec(text) ?? [];
    if (!Object.hasOwn(kinds, kind)) return null;
    if (kind === 'role' && !roles.has(value)) return null;
    (scopes[kinds[kind as keyof typeof kinds]] as string[]).push(value);
  }
  return scopes;
}

/** Both together. */
export function addScopes(one: Scopes, other: Scopes): Required<Scopes> {
  const both = (key: 'names' | 'hosts' | 'ports' | 'targets'): readonly string[] => [
    ...(one[key] ?? []),
    ...(other[key] ?? []),
  ];
  return {
    roles: [...new Set([...one.roles, ...other.roles])],
    names: both('names'),
    hosts: both('hosts'),
    ports: both('ports'),
    targets: both('targets'),
  };
}
