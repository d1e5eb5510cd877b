/** Identities: who holds a token, and what that token is for. */
import { SallyportError } from '../errors.ts';
import { parsePortRanges, type PortRange } from '../net/ports.ts';
import { quoted } from '../net/printable.ts';
import { createAllowList, type AllowList } from './allow.ts';
import { parseAuthorization } from './authorization.ts';
import { createGlobs, type Globs } from '../net/glob.ts';
import { checkToken, digest, parseTokenHash, sameDigest } from './tokens.ts';

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

export interface IdentityOptions extends Scopes {
  /** Shown in logs, and the user of Basic credentials; no colon. */
  readonly name: string;
  /** The secret itself, or else its hash as `hashToken` makes it: exactly one of the two. */
  readonly token?: string;
  readonly tokenHash?: string;
}

export interface Identity {
  readonly name: string;
  readonly roles: ReadonlySet<Role>;
  readonly names: Globs;
  /** Takes canonical hosts, and `*.` before one. */
  readonly hosts: Globs;
  readonly ports: readonly PortRange[];
  /** Rules as written: for messages. */
  readonly targetRules: readonly string[];
  readonly targets: AllowList;
}

/** The scopes of a server's one token: everything, its control among it. */
export const allScopes: Required<Scopes> = {
  roles: ['agent', 'consumer', 'admin'],
  names: ['*'],
  hosts: ['*'],
  ports: ['*'],
  targets: ['*:*'],
};

export interface Identities {
  /**
   * Who presents this Authorization value: `Bearer TOKEN`, or `Basic` of `NAME:TOKEN`, where NAME
   * must be the identity's own. A token under another user's name is refused: the name would show up
   * in the logs of proxies without anybody having checked it. Null for all else, two values
   * included. Takes the same time whoever it is, and when it is nobody.
   */
  authenticate(authorization: string | null): Identity | null;
}

/**
 * Throws CONFIG_INVALID for an empty list (a server without credentials would refuse everybody, or
 * be mistaken for an open one), for a secret that is missing, empty or held by two, and USAGE for a
 * malformed scope.
 */
export function createIdentities(list: readonly IdentityOptions[]): Identities {
  if (list.length === 0) throw invalid('identities: there is none; give at least one, or --token');
  const holders = list.map((options) => ({
    identity: createIdentity(options),
    user: digest(options.name),
    token: tokenDigest(options),
  }));
  refuseTwins(
    list.map(({ name }) => name),
    (name) => `identity ${quoted(name)}: the name is used twice; rename one`,
  );
  refuseTwins(
    holders.map(({ token }) => token.toString('hex')),
    () => 'identities: two of them share one token; give each its own',
  );
  return {
    authenticate(authorization) {
      const credential = parseAuthorization(authorization);
      if (credential === null) return null;
      const basic = credential.scheme === 'basic';
      const token = digest(
        basic ? credential.bytes.subarray(credential.colon + 1) : credential.token,
      );
      const user = basic ? digest(credential.bytes.subarray(0, credential.colon)) : null;
      let found: Identity | null = null;
      for (const holder of holders) {
        const tokenMatches = sameDigest(token, holder.token);
        const userMatches = sameDigest(user ?? holder.user, holder.user);
        if (tokenMatches && userMatches) found = holder.identity;
      }
      return found;
    },
  };
}

function createIdentity(options: IdentityOptions): Identity {
  const { name, roles, names = [], hosts = [], ports = [], targets = [] } = options;
  if (!/^[^\s:\p{C}]{1,128}$/u.test(name)) {
    throw invalid(
      `identity ${quoted(name)}: the name must be 1 to 128 characters without spaces, colons and controls`,
    );
  }
  if (roles.length === 0)
    throw invalid(`identity ${quoted(name)}: it has no role; give agent, consumer or admin`);
  return {
    name,
    roles: new Set(roles),
    names: createGlobs(names),
    hosts: createGlobs(hosts.map((host) => host.toLowerCase().replace(/\.$/, ''))),
    ports: ports.length === 0 ? [] : parsePortRanges(ports.join(',')),
    targetRules: targets,
    targets: createAllowList(targets),
  };
}

function tokenDigest({ name, token, tokenHash }: IdentityOptions): Buffer {
  if ((token === undefined) === (tokenHash === undefined)) {
    throw invalid(`identity ${quoted(name)}: it needs either a token or a token hash`);
  }
  if (token === undefined) return parseTokenHash(tokenHash!);
  checkToken(token);
  return digest(token);
}

function refuseTwins(values: readonly string[], message: (value: string) => string): void {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) throw invalid(message(value));
    seen.add(value);
  }
}

function invalid(message: string): SallyportError {
  return new SallyportError('CONFIG_INVALID', message);
}
