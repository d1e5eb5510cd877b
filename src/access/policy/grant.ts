/** Policies that have made up their mind: the one of a server without a policy, and its opposite. */
import type { Policy } from './policy.ts';

/** The reason of a server that has none. */
export const NO_POLICY = 'no policy is configured';

export function createGrantPolicy(reason: string): Policy {
  return createConstantPolicy(true, reason);
}

export function createDenyPolicy(reason: string): Policy {
  return createConstantPolicy(false, reason);
}

function createConstantPolicy(allow: boolean, reason: string): Policy {
  const decision = { allow, reason };
  return {
    authorize(_, tell) {
      tell?.({ place: reason, outcome: allow ? 'allows it' : 'denies it' });
      return decision;
    },
    close() {},
  };
}
