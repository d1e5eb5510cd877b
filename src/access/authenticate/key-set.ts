/** Public keys of a token issuer: a JSON Web Key Set (RFC 7517, section 5), or keys in PEM. */
import { createPublicKey } from 'node:crypto';
import { createLocalJWKSet, type JWK, type JWTVerifyGetKey } from 'jose';
import { JWKS_KEYS_MAX } from '../../limits.ts';

/** Finds the key of a token by what its header says. */
export type KeyFinder = JWTVerifyGetKey;

const publicKinds: ReadonlySet<unknown> = new Set(['RSA', 'EC', 'OKP']);
const pemBlock = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g;

/**
 * Takes the text of either form. Keys for shared secrets and for encryption are left out: with an
 * asymmetric algorithm they would never count. Throws an Error that says why it will not do; a set
 * with a private key among them, because whoever published it has given it away.
 */
export function readKeySet(text: string): KeyFinder {
  const keys = (text.includes('-----BEGIN ') ? fromPem(text) : fromJson(text)).filter(isForSigning);
  if (keys.length === 0) throw new Error('it holds no public key for signatures');
  if (keys.length > JWKS_KEYS_MAX) throw new Error(`it holds more than ${JWKS_KEYS_MAX} keys`);
  if (keys.some((key) => 'd' in key)) throw new Error('it holds a private key');
  for (const key of keys) checkUsable(key);
  return createLocalJWKSet({ keys });
}

function fromPem(text: string): JWK[] {
  return Array.from(text.matchAll(pemBlock), ([block, kind]) => {
    if (kind.includes('PRIVATE')) throw new Error('it holds a private key');
    return createPublicKey(block).export({ format: 'jwk' });
  });
}

function fromJson(text: string): JWK[] {
  const parsed = parseJson(text) as { keys?: unknown } | null;
  const keys = parsed?.keys;
  if (!Array.isArray(keys)) throw new Error('it is no JSON Web Key Set: an object with "keys"');
  return keys.filter((key): key is JWK => typeof key === 'object' && key !== null);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is neither JSON nor PEM');
  }
}

function isForSigning({ kty, use, key_ops: operations }: JWK): boolean {
  const verifies = operations === undefined || operations.includes('verify');
  return publicKinds.has(kty) && (use === undefined || use === 'sig') && verifies;
}

function checkUsable(key: JWK): void {
  try {
    createPublicKey({ key, format: 'jwk' });
  } catch {
    throw new Error('one of its keys is malformed');
  }
}
