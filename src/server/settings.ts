/** Plain values among what can change while the server runs: whoever needs one asks for it each time. */
import type { Quota } from '../access/quota.ts';
import { DRAIN_GRACE_MS } from '../limits.ts';
import { createCidrSet } from '../net/cidr.ts';
import type { Balance } from '../registry/services.ts';
import type { LiveOptions } from './options.ts';

export interface Settings {
  limits: Quota | undefined;
  /** Whether the forwarding fields of this address are believed. */
  trusted: (address: string) => boolean;
  balance: Balance;
  drainGraceMs: number;
}

/** Throws USAGE for a malformed CIDR. */
export function settingsOf(options: LiveOptions): Settings {
  const { limits, trustedProxies = [], balance = 'round-robin' } = options;
  const { drainGraceMs = DRAIN_GRACE_MS } = options;
  return { limits, trusted: createCidrSet(trustedProxies), balance, drainGraceMs };
}
