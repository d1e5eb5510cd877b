/** Lets everybody in, as one identity: for trials, and for networks where everybody may do this much. */
import { SallyportError } from '../../errors.ts';
import type { Authenticator } from '../authenticator.ts';
import { createVouchedIdentity, type Grant } from '../identity.ts';

export interface OpenOptions extends Grant {
  readonly type: 'insecure';
  readonly name: string;
}

/** What one is called whose name nobody said. */
export const ANONYMOUS = 'anonymous';

/** Throws CONFIG_INVALID without roles, USAGE for a malformed scope. */
export function createOpenAuthenticator(
  options: OpenOptions,
  trouble: (why: string) => void,
): Authenticator {
  const { type: _type, name, ...grant } = options;
  if (grant.roles.length === 0) {
    const mend = 'it lets everybody in with no role; give agent, consumer or both';
    throw new SallyportError('CONFIG_INVALID', `authenticator ${name}: ${mend}`);
  }
  const anybody = createVouchedIdentity({ ...grant, name: ANONYMOUS, authority: name })!;
  trouble(`it lets everybody in without credentials, in the roles ${grant.roles.join(' and ')}`);
  return {
    name,
    schemes: [],
    authenticate: () => anybody,
    current: ({ authority }) => (authority === name ? anybody : null),
    close() {},
  };
}
