/** All authenticators of a server, asked in the order in which they are configured. */
import { asSallyportError, SallyportError } from '../../errors.ts';
import { AUTH_TROUBLE_QUIET_MS } from '../../limits.ts';
import { quoted } from '../../net/printable.ts';
import type { Authenticator, Credentials, Scheme } from '../authenticator.ts';
import { createIdentities, TOKENS, type Identities, type IdentityOptions } from '../identities.ts';
import type { Identity } from '../identity.ts';
import type { Revocations } from '../revocations.ts';
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

export interface AuthenticatorsOptions {
  /** Who is nobody, whoever vouches for it. */
  readonly revocations: Pick<Revocations, 'admit'>;
  /** Hears, for the log, what keeps an authenticator from its work and what should not stay as it is. */
  readonly trouble: (authenticator: string, why: string) => void;
}

/** All of them, as one. */
export interface Authenticators extends Authenticator {
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
  /** As `schemes`, of those named. */
  schemesOf(names: readonly string[] | null): readonly Scheme[];
  /** Those that are listed by name. */
  readonly identities: Identities;
  /**
   * Prepares others, in the place of these: what did not change will go on as it is, with the keys it
   * has fetched. Throws as `createAuthenticators` does. What it returns puts them in place, and does
   * not fail.
   */
  prepare(settings: AuthenticatorSettings): () => void;
}

interface Placed {
  /** The options as text: whether they changed. */
  readonly written: string;
  readonly authenticator: Authenticator;
}

/**
 * Throws CONFIG_INVALID when nobody could ever come in (a server without credentials would be
 * mistaken for an open one), and for anything that cannot be used; USAGE for a malformed scope.
 */
export function createAuthenticators(
  settings: AuthenticatorSettings,
  { revocations, trouble }: AuthenticatorsOptions,
): Authenticators {
  check(settings);
  const identities = createIdentities(settings.identities);
  const tokens = createTokenAuthenticator(identities);
  let placed = place(settings, []);
  let all = inOrder();

  function inOrder(): readonly Authenticator[] {
    return [tokens, ...placed.map(({ authenticator }) => authenticator)];
  }

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
      closeOthers(made, []);
      throw thrown;
    }
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
          (found) => revocations.admit(found) ?? ask(rest, credentials, failure),
          (thrown: unknown) => ask(rest, credentials, asSallyportError(thrown)),
        );
      }
      const found = revocations.admit(answer);
      if (found !== null) return found;
    }
    if (failure !== null) throw failure;
    return null;
  }

  function chosen(names: readonly string[] | null): readonly Authenticator[] {
    return names === null ? all : all.filter(({ name }) => names.includes(name));
  }

  function schemesOf(names: readonly string[] | null): readonly Scheme[] {
    return [...new Set(chosen(names).flatMap(({ schemes }) => schemes))];
  }

  return {
    name: 'all',
    get names() {
      return all.map(({ name }) => name);
    },
    get schemes() {
      return schemesOf(null);
    },
    schemesOf,
    authenticate: (credentials, names = null) => ask(chosen(names), credentials, null),
    current(identity) {
      const authority = all.find(({ name }) => name === identity.authority);
      const now = authority?.current(identity) ?? null;
      return now !== null && now.expiresAt <= Date.now() ? null : revocations.admit(now);
    },
    identities,
    prepare(next) {
      check(next);
      createIdentities(next.identities);
      const before = placed;
      const after = place(next, before);
      return () => {
        identities.replace(next.identities);
        placed = after;
        all = inOrder();
        closeOthers(before, after);
      };
    },
    close: () => closeOthers(placed, []),
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
