/** One rule: the conditions under which it matches, and what comes of that. */
import { formatAddress } from '../../net/address.ts';
import { createCidrSet } from '../../net/cidr.ts';
import { createGlobs } from '../../net/glob.ts';
import { canonicalAddress, canonicalHost } from '../../net/host.ts';
import { printable, quoted } from '../../net/printable.ts';
import { createAllowList } from '../allow.ts';
import type { Role } from '../identity.ts';
import { createHours } from './hours.ts';
import type { AccessRequest, Action } from './policy.ts';

/** Stands among `targets` for the service's own target, which no consumer chose. */
export const OWN_TARGET = 'own';

/** What follows from a match: it is decided, or the next part of the policy is asked. */
export const effects = ['allow', 'deny', 'ask'] as const;
export type Effect = (typeof effects)[number];

/** A rule matches when all its conditions hold; one that is absent or empty always does. */
export interface RuleOptions {
  /** For reasons and explanations. */
  readonly name?: string;
  /** Globs of names of identities. Who has not said who it is matches none, not even `*`. */
  readonly who?: readonly string[];
  /** The identity has one of these roles. */
  readonly roles?: readonly Role[];
  readonly actions?: readonly Action[];
  /** Globs of names of services; for `control` of operations. */
  readonly services?: readonly string[];
  /** Rules of allow-lists for the target that the consumer chose, and OWN_TARGET. */
  readonly targets?: readonly string[];
  /** CIDR blocks with the consumer's address. */
  readonly consumers?: readonly string[];
  /** See `createHours`. */
  readonly hours?: readonly string[];
  /** Of the hours. Default: UTC. */
  readonly timeZone?: string;
  readonly effect: Effect;
}

export interface Rule {
  /** Where it stands, and its name. */
  readonly label: string;
  readonly effect: Effect;
  /** `at`: now, in milliseconds since 1970. */
  matches(request: AccessRequest, at: number): boolean;
  /** Why it does not match. */
  miss(request: AccessRequest, at: number): string;
  /** Null, or what of the request it would have to read and cannot: it can neither match nor miss. */
  unreadable(request: AccessRequest): string | null;
}

interface Condition {
  holds(request: AccessRequest, at: number): boolean;
  miss(request: AccessRequest, at: number): string;
}

/** Throws USAGE for what is no target rule, no block, no hours or no time zone. */
export function createRule(options: RuleOptions, place: string): Rule {
  const { name, targets = [], consumers = [], effect } = options;
  const conditions = conditionsOf(options);
  return {
    label: name === undefined ? place : `${place} ${quoted(name)}`,
    effect,
    matches: (request, at) => conditions.every(({ holds }) => holds(request, at)),
    miss: (request, at) =>
      conditions.find(({ holds }) => !holds(request, at))?.miss(request, at) ?? '',
    unreadable({ target, consumer }) {
      if (targets.length > 0 && target !== null && canonicalHost(target.host) !== target.host)
        return `target ${quoted(target.host)} is not written in its usual form`;
      if (consumers.length > 0 && addressOf(consumer) === null)
        return `consumer ${quoted(consumer)} is no address`;
      return null;
    },
  };
}

function conditionsOf(options: RuleOptions): Condition[] {
  const { who = [], roles = [], actions = [], services = [] } = options;
  const { targets = [], consumers = [], hours = [] } = options;
  return [
    ...given(actions, onActions),
    ...given(services, onServices),
    ...given(who, onNames),
    ...given(roles, onRoles),
    ...given(targets, onTargets),
    ...given(consumers, onConsumers),
    ...given(hours, (texts) => onHours(texts, options.timeZone ?? 'UTC')),
  ];
}

function given<T>(list: readonly T[], make: (list: readonly T[]) => Condition): Condition[] {
  return list.length === 0 ? [] : [make(list)];
}

function onActions(list: readonly Action[]): Condition {
  return {
    holds: ({ action }) => list.includes(action),
    miss: ({ action }) => `action ${action} is none of ${list.join(' ')}`,
  };
}

function onServices(patterns: readonly string[]): Condition {
  const globs = createGlobs(patterns);
  return {
    holds: ({ service }) => globs.match(service),
    miss: ({ service }) => `service ${quoted(service)} is none of ${shown(patterns)}`,
  };
}

function onNames(patterns: readonly string[]): Condition {
  const globs = createGlobs(patterns);
  return {
    holds: ({ identity }) => identity !== null && globs.match(identity.name),
    miss: ({ identity }) =>
      identity === null
        ? NOBODY
        : `identity ${quoted(identity.name)} is none of ${shown(patterns)}`,
  };
}

function onRoles(list: readonly Role[]): Condition {
  return {
    holds: ({ identity }) => identity !== null && list.some((role) => identity.roles.has(role)),
    miss: ({ identity }) =>
      identity === null
        ? NOBODY
        : `identity ${quoted(identity.name)} has none of the roles ${list.join(' ')}`,
  };
}

const NOBODY = 'nobody has said who it is';

function onTargets(list: readonly string[]): Condition {
  const own = list.includes(OWN_TARGET);
  const chosen = createAllowList(list.filter((rule) => rule !== OWN_TARGET));
  return {
    holds: ({ target }) => (target === null ? own : chosen.check(target.host, target.port)),
    miss: ({ target }) =>
      target === null
        ? `the service's own target is not among ${shown(list)}`
        : `target ${quoted(formatAddress(target))} is none of ${shown(list)}`,
  };
}

function onConsumers(blocks: readonly string[]): Condition {
  const holds = createCidrSet(blocks);
  return {
    holds: ({ consumer }) => holds(addressOf(consumer) ?? ''),
    miss: ({ consumer }) => `consumer ${quoted(consumer)} is in none of ${shown(blocks)}`,
  };
}

function onHours(texts: readonly string[], timeZone: string): Condition {
  const hours = createHours(texts, timeZone);
  return {
    holds: (_, at) => hours.hold(at),
    miss: (_, at) => `it is ${hours.show(at)}, outside of ${shown(texts)}`,
  };
}

function shown(list: readonly string[]): string {
  return printable(list.join(' '));
}

/** The address in `ip:port`, `[ip6]:port` or `ip`; null when there is none. */
function addressOf(consumer: string): string | null {
  const match = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+)(?::\d+)?)$/.exec(consumer);
  return canonicalAddress(match?.[1] ?? match?.[2] ?? consumer);
}
