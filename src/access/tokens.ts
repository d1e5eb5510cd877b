/**
 * Secrets: how they are made, kept and compared. Only SHA-256 hashes are kept. That is enough for
 * tokens, which are random; what a person chose is as strong as the person made it.
 */
import { Buffer } from 'node:buffer';
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { SallyportError } from '../errors.ts';

const TOKEN_BYTES = 32;

/** `sp_` and 32 random bytes in base64url: 46 characters. */
export function createToken(): string {
  return `sp_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
}

/** The 32 bytes of a secret's SHA-256 hash. */
export function digest(secret: string | Buffer): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** What a configuration keeps of a token: `sha256:` and 64 hex digits. Throws CONFIG_INVALID as `checkToken` does. */
export function hashToken(token: string): string {
  checkToken(token);
  return `sha256:${digest(token).toString('hex')}`;
}

const digestOfNothing = digest('');

/** The digest in a `sha256:…` text. Throws CONFIG_INVALID, without repeating the text; the hash of an empty token too. */
export function parseTokenHash(text: string): Buffer {
  const hex = /^sha256:([0-9a-f]{64})$/i.exec(text)?.[1];
  if (hex === undefined) {
    throw new SallyportError(
      'CONFIG_INVALID',
      'token hash: not "sha256:" and 64 hex digits; make one with `sallyport token --hash`',
    );
  }
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.equals(digestOfNothing)) {
    throw new SallyportError(
      'CONFIG_INVALID',
      'token hash: it is that of an empty token; make a token with `sallyport token`',
    );
  }
  return bytes;
}

/**
 * Throws CONFIG_INVALID for a secret that cannot serve: an empty one, which everybody knows, and
 * one with characters that an Authorization field does not carry.
 */
export function checkToken(token: string): void {
  if (token === '') {
    throw new SallyportError(
      'CONFIG_INVALID',
      'token: it is empty; make one with `sallyport token`',
    );
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new SallyportError(
      'CONFIG_INVALID',
      'token: only printable ASCII without spaces can be sent; make one with `sallyport token`',
    );
  }
}

/** Compares two digests in constant time. Comparing hashes hides length and common beginnings too. */
export function sameDigest(a: Buffer, b: Buffer): boolean {
  return timingSafeEqual(a, b);
}
