/**
 * Who came with which credentials a moment ago, so that a second request need not be looked into
 * again. Only those who were let in are remembered, and only for a short while.
 */
import { createHash } from 'node:crypto';
import { RECENT_IDENTITIES_MAX } from '../../limits.ts';
import type { Identity } from '../identity.ts';

const ABSENT = 0xffff_ffff;

/**
 * One key for all that a decision rests on. Each part goes in with its length: no two lists of parts
 * have the same key, however they would look when joined.
 */
export function keyOf(parts: readonly (string | null)[]): string {
  const hash = createHash('sha256');
  const length = Buffer.alloc(4);
  for (const part of parts) {
    const bytes = part === null ? null : Buffer.from(part);
    length.writeUInt32BE(bytes?.length ?? ABSENT);
    hash.update(length);
    if (bytes !== null) hash.update(bytes);
  }
  return hash.digest('base64');
}

export class RecentIdentities {
  readonly #max: number;
  /** The oldest first. */
  readonly #entries = new Map<string, { identity: Identity; until: number }>();

  constructor(max = RECENT_IDENTITIES_MAX) {
    this.#max = max;
  }

  /** Null when nobody came with these, or too long ago. `now` is milliseconds since 1970. */
  get(key: string, now: number): Identity | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (now < entry.until) return entry.identity;
    this.#entries.delete(key);
    return null;
  }

  /** Remembers an identity until that time, which is never later than its own end. */
  set(key: string, identity: Identity, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { identity, until: Math.min(until, identity.expiresAt) });
    if (this.#entries.size > this.#max) this.#entries.delete(this.#entries.keys().next().value!);
  }
}
