/**
 * JSON Web Tokens (RFC 7519) as Bearer credentials. Which algorithms count is configured, never read
 * from a token alone: `none` and shared secrets (`HS*`) are not among those that can be (RFC 8725,
 * sections 3.1 and 3.2). Issuer, audience and an end of validity are demanded.
 */
import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose';
import { asSallyportError, SallyportError } from '../../errors.ts';
import { JWT_KEYS_TRIED_MAX, JWT_LEEWAY_MS, JWT_REMEMBERED_MS } from '../../limits.ts';
import { parseAuthorization } from '../authorization.ts';
import type { Authenticator } from '../authenticator.ts';
import { createVouchedIdentity, type Identity, type Grant } from '../identity.ts';
import { jwtAlgorithms, type JwtAlgorithm } from './jwt-algorithms.ts';
import { createFetchedKeys, createFixedKeys } from './key-source.ts';
import type { KeyFinder } from './key-set.ts';
import { keyOf, RecentIdentities } from './recent-identities.ts';
import { addScopes, readScopes } from './scope-claims.ts';
import { parseServiceUrl } from './service-url.ts';

/** The scopes written here are those of every token; a token may carry more where `scopesClaim` is named. */
export interface JwtOptions extends Grant {
  readonly type: 'jwt';
  readonly name: string;
  /** The issuer's keys: where they are fetched from, or the keys themselves (JWKS, or PEM). One of the two. */
  readonly keysUrl?: string;
  readonly keys?: string;
  /** Authorities (PEM) for the URL, instead of the usual ones. */
  readonly ca?: string;
  readonly issuer: string;
  /** One of these has to be among the token's. */
  readonly audience: readonly string[];
  /** Default: EdDSA, ES256, RS256. */
  readonly algorithms?: readonly JwtAlgorithm[];
  /** Default: JWT_LEEWAY_MS. */
  readonly leewayMs?: number;
  /** The claim that names the holder. Default: `sub`. */
  readonly nameClaim?: string;
  readonly scopesClaim?: string;
}

/** What an identity of an authenticator of this kind was known by: checked claims. */
const presented = new WeakMap<Identity, JWTPayload>();

/** Throws CONFIG_INVALID for keys that cannot be used, USAGE for a malformed scope. */
export function createJwtAuthenticator(
  options: JwtOptions,
  trouble: (why: string) => void,
): Authenticator {
  const { name, issuer, audience, algorithms = ['EdDSA', 'ES256', 'RS256'] } = options;
  const { leewayMs = JWT_LEEWAY_MS, nameClaim = 'sub', scopesClaim, ca } = options;
  const pinned: ReadonlySet<unknown> = new Set(algorithms);
  if (issuer === '' || audience.length === 0 || pinned.size === 0)
    throw invalid(name, 'it needs an issuer, an audience and an algorithm');
  if ([...pinned].some((algorithm) => !jwtAlgorithms.includes(algorithm as JwtAlgorithm)))
    throw invalid(name, `algorithms: only ${jwtAlgorithms.join(', ')} can be chosen`);
  const { roles, names = [], hosts = [], ports = [], targets = [], limits } = options;
  const everybody: Grant = {
    roles,
    names,
    hosts,
    ports,
    targets,
    ...(limits === undefined ? {} : { limits }),
  };
  createVouchedIdentity({ ...everybody, name: 'probe', authority: name }); // tells a malformed scope at the start
  const source = keySource();
  const recent = new RecentIdentities();
  const own = new WeakSet<Identity>();
  const rules = {
    algorithms: [...algorithms],
    issuer,
    audience: [...audience],
    clockTolerance: leewayMs / 1000,
    requiredClaims: ['exp', nameClaim],
  };

  function keySource() {
    if ((options.keysUrl === undefined) === (options.keys === undefined))
      throw invalid(name, 'it needs either a URL of keys or the keys');
    if (options.keys !== undefined) return createFixedKeys(options.keys, name);
    const url = parseServiceUrl(name, options.keysUrl!);
    return createFetchedKeys({ url, trouble, ...(ca === undefined ? {} : { ca }) });
  }

  async function verify(token: string, key: string): Promise<Identity | null> {
    const payload = await claimsOf(token);
    const identity = payload === null ? null : identify(payload);
    if (identity !== null) recent.set(key, identity, Date.now() + JWT_REMEMBERED_MS);
    return identity;
  }

  /** Null for a token that is not good. */
  async function claimsOf(token: string): Promise<JWTPayload | null> {
    const keys = await source.keys();
    try {
      return await verifyWith(token, keys);
    } catch (thrown) {
      if (!(thrown instanceof errors.JWKSNoMatchingKey)) return refused(thrown);
    }
    const newer = await source.newer(keys);
    return newer === null ? null : verifyWith(token, newer).catch(refused);
  }

  async function verifyWith(token: string, keys: KeyFinder): Promise<JWTPayload> {
    try {
      return (await jwtVerify(token, keys, rules)).payload;
    } catch (thrown) {
      if (!(thrown instanceof errors.JWKSMultipleMatchingKeys)) throw thrown;
      let tried = 0;
      for await (const key of thrown) {
        if (++tried > JWT_KEYS_TRIED_MAX) break;
        try {
          return (await jwtVerify(token, key, rules)).payload;
        } catch (refusal) {
          if (!(refusal instanceof errors.JWSSignatureVerificationFailed)) throw refusal;
        }
      }
      throw new errors.JWSSignatureVerificationFailed();
    }
  }

  /** Errors of the token are its own; others are of the keys. */
  function refused(thrown: unknown): null {
    if (!(thrown instanceof errors.JOSEError))
      trouble(`a key cannot be used: ${asSallyportError(thrown).message}`);
    return null;
  }

  /** Who the claims speak of; null when that is nobody by the rules of today. */
  function identify(claims: JWTPayload): Identity | null {
    const holder = claims[nameClaim];
    const claimed = scopesClaim === undefined ? undefined : claims[scopesClaim];
    const scopes = readScopes(claimed);
    const expiresAt = claims.exp! * 1000 + leewayMs;
    if (typeof holder !== 'string' || scopes === null || expiresAt <= Date.now()) return null;
    try {
      const traits = {
        ...everybody,
        ...addScopes(everybody, scopes),
        name: holder,
        authority: name,
        expiresAt,
      };
      const identity = createVouchedIdentity(traits);
      if (identity !== null) {
        presented.set(identity, claims);
        own.add(identity);
      }
      return identity;
    } catch {
      trouble('a token carries a scope that cannot be understood');
      return null;
    }
  }

  return {
    name,
    schemes: ['Bearer'],

    authenticate({ authorization }) {
      const credential = parseAuthorization(authorization);
      if (credential?.scheme !== 'bearer' || !pinned.has(algorithmOf(credential.token)))
        return null;
      const key = keyOf([credential.token]);
      return recent.get(key, Date.now()) ?? verify(credential.token, key);
    },

    current(identity) {
      if (own.has(identity)) return identity.expiresAt > Date.now() ? identity : null;
      const claims = identity.authority === name ? presented.get(identity) : undefined;
      if (claims === undefined || claims.iss !== issuer) return null;
      const audiences = [claims.aud ?? []].flat();
      if (!audience.some((one) => audiences.includes(one))) return null;
      const now = identify(claims);
      return now?.name === identity.name ? now : null;
    },

    close: () => source.close(),
  };
}

/** What a token says it is signed with; null for what is no token. */
function algorithmOf(token: string): string | null {
  try {
    return decodeProtectedHeader(token).alg ?? null;
  } catch {
    return null;
  }
}

function invalid(name: string, why: string): SallyportError {
  return new SallyportError('CONFIG_INVALID', `authenticator ${name}: ${why}`);
}
