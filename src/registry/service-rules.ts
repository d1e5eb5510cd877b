/** What the server's operator sets for services, by globs of their names. */
import type { Quota } from '../access/quota.ts';
import { SallyportError } from '../errors.ts';
import type { Identity } from '../access/identity.ts';
import { SERVICE_RULES_REMEMBERED_MAX } from '../limits.ts';
import { createGlob } from '../net/glob.ts';
import type { WhenAbsent } from './waiting-room.ts';

export interface ServiceRule {
  /** Glob of service names. */
  readonly name: string;
  /** Consumers have to be known to one of these authenticators. Absent: to nobody. */
  readonly authenticators?: readonly string[];
  /** The target gets the Authorization field although the server has looked at it. */
  readonly forwardAuthorization?: boolean;
  /** Of each service that the rule covers. */
  readonly limits?: Quota;
  /** What is done while no agent is there. Absent: streams are refused at once. */
  readonly whenAbsent?: WhenAbsent;
}

/** Null, or why the caller may not have the service: none of its authenticators vouches for it. */
export function unvouched(
  { authenticators }: ServiceRule,
  caller: Identity | null,
  service: string,
): SallyportError | null {
  if (authenticators === undefined) return null;
  if (caller === null) {
    const why = 'it asks its consumers who they are';
    return new SallyportError('CONSUMER_AUTH', `service ${service}: ${why}`);
  }
  if (authenticators.includes(caller.authority)) return null;
  const why = `it takes the word of ${authenticators.join(' or ')}, not of ${caller.authority}`;
  return new SallyportError('DENIED', `service ${service}: ${why}`);
}

export interface ServiceRules {
  /** The first rule that covers the name, alone; null when none does. */
  of(service: string): ServiceRule | null;
  /** Other rules from now on: for all that is asked after this. */
  replace(rules: readonly ServiceRule[]): void;
}

export function createServiceRules(rules: readonly ServiceRule[]): ServiceRules {
  const remembered = new Map<string, ServiceRule | null>();
  let present: { rule: ServiceRule; covers: (service: string) => boolean }[] = [];

  function replace(next: readonly ServiceRule[]): void {
    present = next.map((rule) => ({ rule, covers: createGlob(rule.name) }));
    remembered.clear();
  }

  replace(rules);
  return {
    of(service) {
      if (present.length === 0) return null;
      let rule = remembered.get(service);
      if (rule === undefined) {
        rule = present.find(({ covers }) => covers(service))?.rule ?? null;
        if (remembered.size >= SERVICE_RULES_REMEMBERED_MAX) remembered.clear();
        remembered.set(service, rule);
      }
      return rule;
    },
    replace,
  };
}
