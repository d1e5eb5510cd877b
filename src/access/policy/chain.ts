/** A policy as it is configured: lists of rules, and behind them whom those ask whose effect is `ask`. */
import { SallyportError } from '../../errors.ts';
import { createDenyPolicy, createGrantPolicy, NO_POLICY } from './grant.ts';
import { createHttpPolicy } from './http.ts';
import { createLuaPolicy } from './lua/driver.ts';
import type { Policy } from './policy.ts';
import type { RuleOptions } from './rule.ts';
import { createRulesPolicy } from './rules.ts';

export const linkKinds = ['rules', 'lua', 'http', 'always'] as const;

/** One link of the chain: exactly one of the keys. */
export interface PolicyLink {
  readonly rules?: readonly RuleOptions[];
  /** Path of a script. */
  readonly lua?: string;
  /** URL of a service. */
  readonly http?: string;
  readonly always?: 'allow' | 'deny';
}

export interface ChainFault {
  /** Where in the list. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What is wrong with how the links go together: each must be asked by the one before it, or be the first. */
export function chainFaults(links: readonly PolicyLink[]): ChainFault[] {
  return links.flatMap((link, index): ChainFault[] => {
    const path = [index];
    const kinds = linkKinds.filter((kind) => link[kind] !== undefined);
    if (kinds.length !== 1)
      return [{ path, message: `must have exactly one of the keys ${linkKinds.join(', ')}` }];
    const last = index === links.length - 1;
    const asks = link.rules?.findIndex(({ effect }) => effect === 'ask') ?? -1;
    if (link.rules?.length === 0)
      return [{ path: [index, 'rules'], message: 'has no rule, so it denies everything; add one' }];
    if (last && asks >= 0)
      return [
        { path: [index, 'rules', asks, 'effect'], message: 'asks nobody: nothing follows it' },
      ];
    if (!last && asks < 0) {
      const why =
        link.rules === undefined
          ? `${kinds[0]} decides everything`
          : 'no rule before it has the effect ask';
      return [{ path: [index + 1], message: `is never asked: ${why}` }];
    }
    return [];
  });
}

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
  return always === 'allow' ? createGrantPolicy(place) : createDenyPolicy(place);
}
