/** A policy as it is configured: lists of rules, and behind them whom those ask whose effect is `ask`. */
import { SallyportError } from '../../errors.ts';
import { chainFaults, type PolicyLink } from './chain-faults.ts';
import { createDenyPolicy, createGrantPolicy, NO_POLICY } from './grant.ts';
import { createHttpPolicy } from './http.ts';
import { createLuaPolicy } from './lua/driver.ts';
import type { Policy } from './policy.ts';
import { createRulesPolicy } from './rules.ts';

/**
 * Rejects with CONFIG_INVALID for links that do not go together and for a script that cannot be
 * loaded, and USAGE for a malformed rule. Its owner closes it.
 */
export async function createPolicyChain(links: readonly PolicyLink[]): Promise<Policy> {
  const [fault] = chainFaults(links);
  if (fault !== undefined) {
    const where = fault.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`));
    throw new SallyportError('CONFIG_INVALID', `policy${where.join('')}: ${fault.message}`);
  }
  if (links.length === 0) return createGrantPolicy(NO_POLICY);
  let next: Policy | null = null;
  try {
    for (const [index, link] of [...links.entries()].toReversed())
      next = await createLink(link, `policy[${index}]`, next);
    return next!;
  } catch (thrown) {
    next?.close();
    throw thrown;
  }
}

function createLink(
  link: PolicyLink,
  place: string,
  next: Policy | null,
): Policy | Promise<Policy> {
  const { rules, lua, http, always } = link;
  if (rules !== undefined) return createRulesPolicy({ rules, place, next });
  if (lua !== undefined) return createLuaPolicy({ file: lua, place });
  if (http !== undefined) return createHttpPolicy({ url: new URL(http), place });
  return always === 'allow'
    ? createGrantPolicy(`${place} allows everything`)
    : createDenyPolicy(`${place} denies everything`);
}
