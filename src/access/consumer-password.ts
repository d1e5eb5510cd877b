/** The password of one service (`--auth USER:PASS`), asked of its consumers by Basic, RFC 7617. */
import { SallyportError } from '../errors.ts';
import { parseAuthorization } from './authorization.ts';
import { digest, sameDigest } from './tokens.ts';

export interface ConsumerAuth {
  /** True for the right user and password, in constant time. Takes the value of an Authorization field. */
  check(authorization: string | null): boolean;
  /** For `WWW-Authenticate: Basic realm="…"`; needs no quoting. */
  readonly realm: string;
}

/** Takes `USER:PASS`; the user's name holds no colon. Throws USAGE, without repeating either. */
export function createConsumerAuth(credentials: string): ConsumerAuth {
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
  const expected = digest(credentials);
  return {
    realm: 'sallyport',
    check(authorization) {
      const credential = parseAuthorization(authorization);
      return credential?.scheme === 'basic' && sameDigest(digest(credential.bytes), expected);
    },
  };
}
