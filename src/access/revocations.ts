/**
 * Identities that an operator has put out while the server runs: whatever credential says who they
 * are, they are nobody until they are restored, or the server starts anew.
 */
import { SallyportError } from '../errors.ts';
import { REVOKED_IDENTITIES_MAX } from '../limits.ts';
import type { Identity } from './identity.ts';

export interface Revocations {
  /** Throws SERVER_BUSY when too many are revoked. */
  revoke(name: string): void;
  /** False when the name was not revoked. */
  restore(name: string): boolean;
  has(name: string): boolean;
  readonly names: readonly string[];
  /** The identity, or null when it is revoked. */
  admit(identity: Identity | null): Identity | null;
}

export function createRevocations(): Revocations {
  const revoked = new Set<string>();
  return {
    revoke(name) {
      if (revoked.size >= REVOKED_IDENTITIES_MAX && !revoked.has(name)) {
        const why = `${REVOKED_IDENTITIES_MAX} are revoked; take them out of the configuration, and restart`;
        throw new SallyportError('SERVER_BUSY', `identities: ${why}`);
      }
      revoked.add(name);
    },
    restore: (name) => revoked.delete(name),
    has: (name) => revoked.has(name),
    get names() {
      return [...revoked];
    },
    admit: (identity) => (identity !== null && revoked.has(identity.name) ? null : identity),
  };
}
