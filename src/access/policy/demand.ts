/** Asks a policy, and makes an error of a refusal. */
import { SallyportError } from '../../errors.ts';
import type { AccessRequest, Action, Decision, Policy } from './policy.ts';

/** What each action is done to, in front of its name. */
const subjects: Readonly<Record<Action, string>> = {
  register: 'register service',
  connect: 'service',
  http: 'service',
  control: 'control',
};

/**
 * Throws DENIED with the reason, or answers a promise that rejects with it where the policy needs
 * time; undefined: allowed.
 */
export function demand(
  policy: Pick<Policy, 'authorize'>,
  request: AccessRequest,
): Promise<void> | undefined {
  const decision = policy.authorize(request);
  if (decision instanceof Promise) return decision.then((made) => refuse(made, request));
  refuse(decision, request);
  return undefined;
}

function refuse({ allow, reason }: Decision, { action, service }: AccessRequest): void {
  if (!allow) throw new SallyportError('DENIED', `${subjects[action]} ${service}: ${reason}`);
}
