/** Bearer and Basic credentials of the identities in the configuration. */
import type { Authenticator } from '../authenticator.ts';
import { TOKENS, type Identities } from '../identities.ts';

export function createTokenAuthenticator(identities: Identities): Authenticator {
  return {
    name: TOKENS,
    schemes: ['Basic', 'Bearer'],
    authenticate: ({ authorization }) => identities.authenticate(authorization),
    current: (identity) => identities.current(identity),
    close() {},
  };
}
