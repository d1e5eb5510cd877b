/** The identities of a configuration: who holds which token. */
import { randomBytes } from 'node:crypto';
import { SallyportError } from '../errors.ts';
import { quoted } from '../net/printable.ts';
import { parseAuthorization } from './authorization.ts';
import { createIdentity, type Identity, type Scopes } from './identity.ts';
import type { Quota } from './quota.ts';
import { checkToken, digest, parseTokenHash, sameDigest } from './tokens.ts';

/** The authenticator that knows them. */
export const TOKENS = 'tokens';

/** Somebody with one token or more: while one is replaced by another, both are good. */
export interface IdentityOptions extends Scopes {
  /** Shown in logs, and the user of Basic credentials; no colon. */
  readonly name: string;
  readonly token?: string;
  /** As `hashToken` makes it. */
  readonly tokenHash?: string;
  readonly tokenHashes?: readonly string[];
  /** Limits of its own; those that hold for all count as well. */
  readonly limits?: Quota;
}

export interface Identities {
  /**
   * Who presents this Authorization value: `Bearer TOKEN`, or `Basic` of `NAME:TOKEN`, where NAME
   * must be the identity's own. A token under another user's name is refused: the name would show up
   * in the logs of proxies without anybody having checked it. Null for all else, two values
   * included. Takes the same time whoever it is, and when it is nobody.
   */
  authenticate(authorization: string | null): Identity | null;
  /** What an identity is now, with the scopes of today; null when the token it came with is good no more. */
  current(identity: Identity): Identity | null;
  /** Everybody, in the order of the configuration. */
  list(): readonly Identity[];
  /** Others from now on. Throws as `createIdentities` does: then nothing has changed. */
  replace(list: readonly IdentityOptions[]): void;
}

interface Holder {
  readonly identity: Identity | null;
  readonly user: Buffer;
  readonly token: Buffer;
}

interface Table {
  readonly identities: readonly Identity[];
  /** By the token's hash: how long a look-up takes says nothing about the tokens there are. */
  readonly holders: ReadonlyMap<string, Holder>;
}

/** Takes the place of a holder where there is none, so that the same comparisons are made. */
const nobody: Holder = { identity: null, user: randomBytes(32), token: randomBytes(32) };

/**
 * Throws CONFIG_INVALID for a secret that is missing, empty or held by two, and for a name used
 * twice; USAGE for a malformed scope.
 */
export function createIdentities(list: readonly IdentityOptions[]): Identities {
  let table = createTable(list);
  /** Which token an identity came with, by its hash. */
  const tokens = new WeakMap<Identity, string>();
  const remember = ({ holders }: Table): void => {
    for (const [key, { identity }] of holders) tokens.set(identity!, key);
  };
  remember(table);

  return {
    authenticate(authorization) {
      const credential = parseAuthorization(authorization);
      if (credential === null) return null;
      const basic = credential.scheme === 'basic';
      const token = digest(
        basic ? credential.bytes.subarray(credential.colon + 1) : credential.token,
      );
      const holder = table.holders.get(token.toString('hex')) ?? nobody;
      const user = basic ? digest(credential.bytes.subarray(0, credential.colon)) : holder.user;
      const tokenMatches = sameDigest(token, holder.token);
      const userMatches = sameDigest(user, holder.user);
      return tokenMatches && userMatches ? holder.identity : null;
    },

    current(identity) {
      const now = table.holders.get(tokens.get(identity) ?? '')?.identity ?? null;
      return now?.name === identity.name ? now : null;
    },

    list: () => table.identities,

    replace(next) {
      table = createTable(next);
      remember(table);
    },
  };
}

function createTable(list: readonly IdentityOptions[]): Table {
  refuseTwins(
    list.map(({ name }) => name),
    (name) => `identity ${quoted(name)}: the name is used twice; rename one`,
  );
  const held = list.map((options) => {
    const { token: _token, tokenHash: _hash, tokenHashes: _hashes, ...traits } = options;
    const user = digest(options.name);
    // One for each token: that is how it is known later which of them is good no more.
    return tokenDigests(options).map((token) => ({
      identity: createIdentity({ ...traits, authority: TOKENS }),
      user,
      token,
    }));
  });
  const holders = held.flat().map((holder) => [holder.token.toString('hex'), holder] as const);
  refuseTwins(
    holders.map(([key]) => key),
    () => 'identities: one token stands twice among them; give each its own',
  );
  return { identities: held.map(([first]) => first.identity), holders: new Map(holders) };
}

function tokenDigests({ name, token, tokenHash, tokenHashes = [] }: IdentityOptions): Buffer[] {
  const hashes = tokenHash === undefined ? tokenHashes : [tokenHash, ...tokenHashes];
  if (token === undefined && hashes.length === 0)
    throw invalid(`identity ${quoted(name)}: it needs a token or a token hash`);
  const digests = hashes.map(parseTokenHash);
  if (token === undefined) return digests;
  checkToken(token);
  return [digest(token), ...digests];
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
