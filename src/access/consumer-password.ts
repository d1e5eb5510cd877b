/** The password of one service (`--auth USER:PASS`), asked of its consumers by Basic, RFC 7617. */
import { SallyportError } from '../errors.ts';
import { parseAuthorization } from './authorization.ts';
import { digest, parseTokenHash, sameDigest } from './tokens.ts';

export interface ConsumerAuth {
  /** True for the right user and password, in constant time. Takes the value of an Authorization field. */
  check(authorization: string | null): boolean;
  /** For `WWW-Authenticate: Basic realm="…"`; needs no quoting. */
  readonly realm: string;
}

/**
 * What is kept and sent of `USER:PASS`: `sha256:` and 64 hex digits. The user's name holds no colon.
 * Throws USAGE, without repeating either.
 */
export function hashConsumerPassword(credentials: string): string {
  const colon = credentials.indexOf(':');
  if (colon < 1 || colon === credentials.length - 1) {
    throw new SallyportError(
      'USAGE',
      'consumer password: it needs a user and a password, neither empty; write USER:PASS',
    );
  }
  if (/\p{Cc}/u.test(credentials)) {
    throw new SallyportError(
      'USAGE',
      'consumer password: it has control characters, which Basic credentials may not hold',
    );
  }
  return `sha256:${digest(credentials).toString('hex')}`;
}

/** Takes what `hashConsumerPassword` made. Throws CONFIG_INVALID for anything else. */
export function createConsumerAuth(hash: string): ConsumerAuth {
  const expected = parseTokenHash(hash);
  return {
    realm: 'sallyport',
    check(authorization) {
      const credential = parseAuthorization(authorization);
      return credential?.scheme === 'basic' && sameDigest(digest(credential.bytes), expected);
    },
  };
}
