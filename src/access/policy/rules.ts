/** A list of rules: the first that matches decides, and when none does it is a refusal. */
import type { AccessRequest, Decision, Policy, Tell } from './policy.ts';
import { createRule, type RuleOptions } from './rule.ts';

export interface RulesOptions {
  readonly rules: readonly RuleOptions[];
  /** Where they stand in the configuration. */
  readonly place: string;
  /** Whom rules ask whose effect is `ask`; it is closed with this one. Null: no rule has it. */
  readonly next: Policy | null;
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
}

/** Throws USAGE for a rule that is malformed. */
export function createRulesPolicy(options: RulesOptions): Policy {
  const { place, next, now = Date.now } = options;
  const rules = options.rules.map((rule, index) => {
    const made = createRule(rule, `${place}.rules[${index}]`);
    const allow = rule.effect === 'allow';
    const reason = `${made.label} ${allow ? 'allows' : 'denies'} it`;
    return { ...made, decision: { allow, reason } };
  });
  const unmatched = { allow: false, reason: `no rule of ${place} matches` };

  function authorize(request: AccessRequest, tell?: Tell): Decision | Promise<Decision> {
    const at = now();
    for (const rule of rules) {
      const unreadable = rule.unreadable(request);
      if (unreadable !== null) {
        tell?.({ place: rule.label, outcome: `cannot be applied: ${unreadable}` });
        return { allow: false, reason: `${rule.label} cannot be applied: ${unreadable}` };
      }
      if (!rule.matches(request, at)) {
        tell?.({ place: rule.label, outcome: `does not match: ${rule.miss(request, at)}` });
        continue;
      }
      if (rule.effect === 'ask' && next !== null) {
        tell?.({ place: rule.label, outcome: 'matches and asks on' });
        return next.authorize(request, tell);
      }
      const { label, decision } = rule;
      tell?.({ place: label, outcome: `matches and ${decision.allow ? 'allows' : 'denies'} it` });
      return decision;
    }
    tell?.({ place, outcome: 'denies it: no rule matches' });
    return unmatched;
  }

  return { authorize, close: () => next?.close() };
}
