/** The policy of a server without one: the scopes of the identities are all there is. */
import type { Policy } from './policy.ts';

export function createGrantPolicy(reason: string): Policy {
  const decision = { allow: true, reason } as const;
  return { authorize: () => decision, close() {} };
}
