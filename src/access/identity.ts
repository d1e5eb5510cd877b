/** Identities: who came in, by whose word, and what that allows. */
import { SallyportError } from '../errors.ts';
import { createGlobs, type Globs } from '../net/glob.ts';
import { parsePortRanges, type PortRange } from '../net/ports.ts';
import { quoted } from '../net/printable.ts';
import { createAllowList, type AllowList } from './allow.ts';
import type { Quota } from './quota.ts';

/** Agents register services, consumers use them, admins control the server itself. */
export type Role = 'agent' | 'consumer' | 'admin';

/** What an identity may do. What is not listed is not allowed. */
export interface Scopes {
  readonly roles: readonly Role[];
  /** Globs of service names: those an agent may register, or a consumer reach. An admin sees all. */
  readonly names?: readonly string[];
  /** Globs of public hosts an agent may claim beyond the one that its service's name gives. */
  readonly hosts?: readonly string[];
  /** Ranges of public ports an agent may open. */
  readonly ports?: readonly string[];
  /** Allow rules for the targets a consumer may ask for. The agent's own allow-list counts as well. */
  readonly targets?: readonly string[];
}

export interface Identity {
  readonly name: string;
  /** Name of the authenticator that vouches for it. */
  readonly authority: string;
  /** When its credential ends: milliseconds since 1970, UTC; Infinity for one that does not. */
  readonly expiresAt: number;
  /** Stands for name, authority and scopes together: identities that share it may do the same. */
  readonly fingerprint: string;
  readonly roles: ReadonlySet<Role>;
  readonly names: Globs;
  /** Takes canonical hosts, and `*.` before one. */
  readonly hosts: Globs;
  readonly ports: readonly PortRange[];
  /** Rules as written: for messages. */
  readonly targetRules: readonly string[];
  readonly targets: AllowList;
  /** Limits of its own; those that hold for all count as well. */
  readonly limits?: Quota;
}

/** The scopes of a server's one token: everything, its control among it. */
export const allScopes: Required<Scopes> = {
  roles: ['agent', 'consumer', 'admin'],
  names: ['*'],
  hosts: ['*'],
  ports: ['*'],
  targets: ['*:*'],
};

/** Names that Basic credentials can carry (RFC 7617): no colon, and nothing that a line of a log could trip over. */
const plainName = /^[^\s:\p{C}]{1,128}$/u;

const VOUCHED_NAME_MAX_CHARS = 128;
/** What would be read as something else in lines, lists and terminals. */
const unreadable = /[\s%\p{C}]/gu;

/** What is granted to somebody. */
export interface Grant extends Scopes {
  readonly limits?: Quota;
}

export interface IdentityTraits extends Grant {
  readonly name: string;
  readonly authority: string;
  readonly expiresAt?: number;
}

/**
 * An identity that is written down in the configuration. Throws CONFIG_INVALID for a name that will
 * not do and for one without roles, USAGE for a malformed scope.
 */
export function createIdentity(traits: IdentityTraits): Identity {
  const { name, roles } = traits;
  if (!plainName.test(name)) {
    throw invalid(
      `identity ${quoted(name)}: the name must be 1 to 128 characters without spaces, colons and controls`,
    );
  }
  if (roles.length === 0)
    throw invalid(
      `identity ${quoted(name)}: it has no role; give agent, consumer, admin or several`,
    );
  return build(name, traits);
}

/**
 * An identity that an authenticator found out about: `AUTHORITY:NAME`, which nobody in the
 * configuration can be called. Spaces and the like are written as %XX. Null for a name that is empty
 * or too long. Throws USAGE for a malformed scope. It may have no role.
 */
export function createVouchedIdentity(traits: IdentityTraits): Identity | null {
  const { name, authority } = traits;
  if (name === '' || name.length > VOUCHED_NAME_MAX_CHARS) return null;
  const readable = name.toWellFormed().replace(unreadable, (char) => encodeURIComponent(char));
  return build(`${authority}:${readable}`, traits);
}

function build(name: string, traits: IdentityTraits): Identity {
  const { authority, expiresAt = Infinity } = traits;
  const { roles, names = [], hosts = [], ports = [], targets = [] } = traits;
  return {
    name,
    authority,
    expiresAt,
    fingerprint: JSON.stringify([authority, name, roles, names, hosts, ports, targets]),
    roles: new Set(roles),
    names: createGlobs(names),
    hosts: createGlobs(hosts.map((host) => host.toLowerCase().replace(/\.$/, ''))),
    ports: ports.length === 0 ? [] : parsePortRanges(ports.join(',')),
    targetRules: targets,
    targets: createAllowList(targets),
    ...(traits.limits === undefined ? {} : { limits: traits.limits }),
  };
}

function invalid(message: string): SallyportError {
  return new SallyportError('CONFIG_INVALID', message);
}
