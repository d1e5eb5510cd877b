/** What a client presents when it registers, and what a group compares that with. */
import { digest, sameDigest } from '../../access/tokens.ts';
import type { SecretSource } from './groups-source.ts';

/** Enough to compare it again later, and nothing that somebody could present in its place. */
export interface Presented {
  /** The word in front, in lower case. */
  readonly scheme: string;
  /** Hashes of the credentials, as they came and decoded from base64. */
  readonly plain: Buffer;
  readonly decoded: Buffer;
}

/** The words of an Authorization field; null for what is none: it could not be passed on as one either. */
export function readPresented(authorization: string): Presented | null {
  const [, scheme, credentials] =
    /^([!#$%&'*+.^_`|~\w-]+) +([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)$/.exec(authorization) ?? [];
  if (scheme === undefined) return null;
  return {
    scheme: scheme.toLowerCase(),
    plain: digest(credentials),
    decoded: digest(Buffer.from(credentials, 'base64')),
  };
}

/** The hash that a client's has to be equal to; null while nobody knows it: nothing is equal then. */
export type Expected = () => Buffer | null;

/** Takes as long whatever differs, and when nothing is expected. */
export function matches(presented: Buffer, expected: Expected): boolean {
  const hash = expected();
  return sameDigest(presented, hash ?? nobody) && hash !== null;
}

const nobody = digest('');

export function expectText(text: string): Expected {
  const hash = digest(text);
  return () => hash;
}

/** `hex`: 64 digits, which the reader of the groups has checked. */
export function expectHash(hex: string): Expected {
  const hash = Buffer.from(hex, 'hex');
  return () => hash;
}

/**
 * A token that lies somewhere else. `hashed`: its hash lies there in hexadecimal; `either`: what reads
 * like a hash is one, anything else is the token itself.
 */
export function expectSecret(source: SecretSource, hashed: boolean | 'either'): Expected {
  let read: Buffer | null = null;
  let hash: Buffer | null = null;
  return () => {
    const { bytes } = source;
    if (bytes === read) return hash;
    read = bytes;
    return (hash = bytes === null ? null : hashIn(bytes, hashed));
  };
}

function hashIn(bytes: Buffer, hashed: boolean | 'either'): Buffer | null {
  const hex = /^\s*([0-9a-f]{64})\s*$/i.exec(hashed === false ? '' : bytes.toString('latin1'))?.[1];
  if (hex !== undefined) return Buffer.from(hex, 'hex');
  return hashed === true ? null : digest(bytes);
}
