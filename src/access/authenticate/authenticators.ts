/** All authenticators of a server, asked in the order in which they are configured. */
import { asSallyportError, SallyportError } from '../../errors.ts';
import { AUTH_TROUBLE_QUIET_MS, REVOKED_NAMES_MAX } from '../../limits.ts';
import { quoted } from '../../net/printable.ts';
import type { Authenticator, Credentials } from '../authenticator.ts';
import { createIdentities, TOKENS, type IdentityOptions } from '../identities.ts';
import type { Identity } from '../identity.ts';
import { isServiceName } from '../service-name.ts';
import {
  createCertificateAuthenticator,
  type CertificateOptions,
} from './certificate-authenticator.ts';
import { createExternalAuthenticator, type ExternalOptions } from './external-authenticator.ts';
import { createJwtAuthenticator, type JwtOptions } from './jwt-authenticator.ts';
import { createOpenAuthenticator, type OpenOptions } from './open-authenticator.ts';
import { createTokenAuthenticator } from './token-authenticator.ts';

export type AuthenticatorOptions = JwtOptions | ExternalOptions | CertificateOptions | OpenOptions;

export interface AuthenticatorSettings {
  /** Asked first, under the name `tokens`. */
  readonly identities: readonly IdentityOptions[];
  readonly authenticators?: readonly AuthenticatorOptions[];
}

export interface Authenticators {
  /** Of the identities, and those configured besides, in order. */
  readonly names: readonly string[];
  /**
   * Who it is by the first that knows it, of those named or of all; null for nobody. At once where it
   * can be. A promise rejects with AUTH_UNAVAILABLE only: nobody knew it, and somebody could not tell.
   */
  authenticate(
    credentials: Credentials,
    names?: readonly string[] | null,
  ): Identity | null | Promise<Identity | null>;
  /** WWW-Authenticate, of those named or of all; null when none of them looks at a field. */
  challenge(names?: readonly string[] | null): string | null;
  /** What an identity is now: null when it would not be let in any more. See `Authenticator.current`. */
  current(identity: Identity): Identity | null;
  /** Those of the configuration's identities that may come in. */
  identities(): readonly Identity[];
  /** Turns a name out, whoever vouches for it, until it is taken back or the process ends. Throws SERVER_BUSY at the limit. */
  revoke(name: string): void;
  /** Takes that back. False when the name was not turned out. */
  restore(name: string): boolean;
  /**
   * Others from now on; what did not change goes on as it is, with the keys it has fetched. Throws as
   * `createAuthenticators` does: then nothing has changed.
   */
  replace(settings: AuthenticatorSettings): void;
  close(): void;
}

interface Placed {
  /** The options as text: whether they changed. */
  readonly written: string;
  readonly authenticator: Authenticator;
}

/**
 * `trouble` hears, for the log, what keeps an authenticator from its work and what should not stay as
 * it is. Throws CONFIG_INVALID when nobody could ever come in (a server without credentials would be
 * mistaken for an open one), and for anything that cannot be used; USAGE for a malformed scope.
 */
export function createAuthenticators(
  settings: AuthenticatorSettings,
  trouble: (authenticator: string, why: string) => void,
): Authenticators {
  check(settings);
  const identities = createIdentities(settings.identities);
  const tokens = createTokenAuthenticator(identities);
  const revoked = new Set<string>();
  let placed = place(settings, []);
  let all: readonly Authenticator[] = [tokens, ...placed.map(({ authenticator }) => authenticator)];

  function place({ authenticators = [] }: AuthenticatorSettings, before: readonly Placed[]) {
    const made: Placed[] = [];
    try {
      return authenticators.map((options) => {
        const written = JSON.stringify(options);
        const same = before.find((other) => other.written === written);
        if (same !== undefined) return same;
        const authenticator = create(options, quietly(options.name, trouble));
        made.push({ written, authenticator });
        return made.at(-1)!;
      });
    } catch (thrown) {
      for (const { authenticator } of made) authenticator.close();
      throw thrown;
    }
  }

  function accept(identity: Identity | null): Identity | null {
    return identity === null || revoked.has(identity.name) ? null : identity;
  }

  function ask(
    list: readonly Authenticator[],
    credentials: Credentials,
    failure: SallyportError | null,
  ): Identity | null | Promise<Identity | null> {
    for (const [index, authenticator] of list.entries()) {
      const answer = authenticator.authenticate(credentials);
      if (answer instanceof Promise) {
        const rest = list.slice(index + 1);
        return answer.then(
          (found) => accept(found) ?? ask(rest, credentials, failure),
          (thrown: unknown) => ask(rest, credentials, asSallyportError(thrown)),
        );
      }
      const found = accept(answer);
      if (found !== null) return found;
    }
    if (failure !== null) throw failure;
    return null;
  }

  function chosen(names: readonly string[] | null): readonly Authenticator[] {
    return names === null ? all : all.filter(({ name }) => names.includes(name));
  }

  return {
    get names() {
      return all.map(({ name }) => name);
    },
    authenticate: (credentials, names = null) => ask(chosen(names), credentials, null),
    challenge(names = null) {
      const challenges = chosen(names).map(({ challenge }) => challenge);
      return [...new Set(challenges.filter((one) => one !== null))].join(', ') || null;
    },
    current(identity) {
      const authority = all.find(({ name }) => name === identity.authority);
      const now = authority?.current(identity) ?? null;
      return now !== null && now.expiresAt <= Date.now() ? null : accept(now);
    },
    identities: () => identities.list().filter((identity) => accept(identity) !== null),
    revoke(name) {
      if (revoked.size >= REVOKED_NAMES_MAX) {
        const why = `${REVOKED_NAMES_MAX} names are turned out already; take them out of the configuration`;
        throw new SallyportError('SERVER_BUSY', `identity ${quoted(name)}: ${why}`);
      }
      revoked.add(name);
    },
    restore: (name) => revoked.delete(name),
    replace(next) {
      check(next);
      const before = placed;
      const after = place(next, before);
      try {
        identities.replace(next.identities);
      } catch (thrown) {
        closeOthers(after, before);
        throw thrown;
      }
      placed = after;
      all = [tokens, ...placed.map(({ authenticator }) => authenticator)];
      closeOthers(before, after);
    },
    close() {
      for (const authenticator of all) authenticator.close();
    },
  };
}

function closeOthers(these: readonly Placed[], than: readonly Placed[]): void {
  for (const one of these) if (!than.includes(one)) one.authenticator.close();
}

function create(options: AuthenticatorOptions, trouble: (why: string) => void): Authenticator {
  if (options.type === 'jwt') return createJwtAuthenticator(options, trouble);
  if (options.type === 'external') return createExternalAuthenticator(options, trouble);
  if (options.type === 'mtls') return createCertificateAuthenticator(options);
  return createOpenAuthenticator(options, trouble);
}

function check({ identities, authenticators = [] }: AuthenticatorSettings): void {
  if (identities.length + authenticators.length === 0) {
    const mend = 'there is none; give at least one, or --token, or an authenticator';
    throw new SallyportError('CONFIG_INVALID', `identities: ${mend}`);
  }
  const names = [TOKENS];
  for (const { name } of authenticators) {
    const why = !isServiceName(name)
      ? 'its name must be 1 to 128 letters, digits, dots, underscores or hyphens'
      : name === TOKENS
        ? 'the one that knows the identities is called so; choose another name'
        : names.includes(name)
          ? 'the name is used twice; rename one'
          : null;
    if (why !== null)
      throw new SallyportError('CONFIG_INVALID', `authenticator ${quoted(name)}: ${why}`);
    names.push(name);
  }
}

/** The same trouble is told once in a while only, however many clients run into it. */
function quietly(
  name: string,
  tell: (authenticator: string, why: string) => void,
): (why: string) => void {
  let told = '';
  let at = -Infinity;
  return (why) => {
    const now = performance.now();
    if (why === told && now - at < AUTH_TROUBLE_QUIET_MS) return;
    told = why;
    at = now;
    tell(name, why);
  };
}
