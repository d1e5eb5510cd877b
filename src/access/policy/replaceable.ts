/** A policy whose place another can take while questions are under way. */
import type { AccessRequest, Decision, Policy, Tell } from './policy.ts';

export interface ReplaceablePolicy extends Policy {
  /** Closes the one before. Its questions are put to the new one, so that none is refused for this. */
  replace(next: Policy): void;
}

/** Closes what it holds when it is closed. */
export function createReplaceablePolicy(first: Policy): ReplaceablePolicy {
  let present = first;

  function authorize(request: AccessRequest, tell?: Tell): Decision | Promise<Decision> {
    const asked = present;
    const decision = asked.authorize(request, tell);
    if (!(decision instanceof Promise)) return decision;
    return decision.then((made) => (present === asked ? made : authorize(request, tell)));
  }

  return {
    authorize,
    replace(next) {
      const before = present;
      present = next;
      before.close();
    },
    close: () => present.close(),
  };
}
