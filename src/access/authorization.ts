/** The value of an Authorization field, RFC 9110 section 11.4: exactly one credential, or nothing. */
import { Buffer } from 'node:buffer';

export type Credential =
  | { readonly scheme: 'bearer'; readonly token: string }
  /** The decoded bytes; `colon` is where the user's name ends (RFC 7617: it holds no colon itself). */
  | { readonly scheme: 'basic'; readonly bytes: Buffer; readonly colon: number };

const COLON = 0x3a;

/**
 * Parses strictly: one scheme, one credential, no space inside it. Two values that a proxy or a
 * parser joined with a comma are therefore null, as is base64 with anything left over.
 */
export function parseAuthorization(value: string | null): Credential | null {
  const parts = value === null ? null : /^(bearer|basic) +([\x21-\x7e]+)$/i.exec(value);
  if (parts === null) return null;
  const credential = parts[2];
  return parts[1].toLowerCase() === 'bearer'
    ? { scheme: 'bearer', token: credential }
    : parseBasic(credential);
}

function parseBasic(encoded: string): Credential | null {
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return null;
  const colon = bytes.indexOf(COLON);
  return colon === -1 ? null : { scheme: 'basic', bytes, colon };
}
