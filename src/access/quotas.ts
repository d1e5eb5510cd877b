/**
 * Limits of identities and services, and what each of them uses. Where nothing is limited nothing is
 * counted; one that is at its limit is refused, or slowed down, and nobody else notices.
 */
import { SallyportError } from '../errors.ts';
import { ACCOUNTS_MAX } from '../limits.ts';
import { quoted } from '../net/printable.ts';
import { PaceClock, type ByteRate } from '../session/pace.ts';
import { Account, type Counted } from './account.ts';
import type { Identity } from './identity.ts';
import type { Quota } from './quota.ts';

export interface QuotasOptions {
  /** Of an identity and of a service as things are now; null for none. */
  ofIdentity(identity: Identity): Quota | null;
  ofService(service: string): Quota | null;
  /** Milliseconds since some moment. Default: `performance.now`. */
  readonly now?: () => number;
}

/** Room that was taken. */
export interface Lease {
  /** Once. */
  release(): void;
}

export interface StreamLease extends Lease {
  /** There is a rate at all. */
  readonly paced: boolean;
  /** Others may have to wait for its place. */
  readonly counted: boolean;
  /** Rates that the stream has to keep, from consumer to service and back. */
  readonly up: readonly ByteRate[];
  readonly down: readonly ByteRate[];
}

/** Everything answers null where nothing is limited. */
export interface Quotas {
  /** A session of an identity. Throws LIMIT_REACHED. */
  session(identity: Identity): Lease | null;
  /** An agent of that identity offers the service. Throws LIMIT_REACHED. */
  offer(identity: Identity, service: string): Lease | null;
  /** A stream; `identity` is null where nobody has said who opens it. Throws LIMIT_REACHED. */
  stream(identity: Identity | null, service: string): StreamLease | null;
  /** An HTTP request. Throws RATE_LIMITED. */
  request(identity: Identity | null, service: string): void;
  /** The limits may be others: what is used now is measured by them from here on. */
  refresh(): void;
  /** Stops its timer: streams under rates go no further. */
  close(): void;
}

interface Kept {
  readonly account: Account;
  /** What is set for it now. */
  quota(): Quota | null;
}

export function createQuotas(options: QuotasOptions): Quotas {
  const { ofIdentity, ofService } = options;
  const clock = new PaceClock(options.now);
  const kept = new Map<string, Kept>();
  let sweepAt = SWEEP_MIN;

  function find(key: string, owner: () => string, quota: () => Quota | null): Account | null {
    const known = kept.get(key);
    if (known !== undefined) return known.account;
    const set = quota();
    if (set === null) return null;
    if (kept.size >= sweepAt) sweep();
    const account = new Account(owner(), set, clock);
    kept.set(key, { account, quota });
    return account;
  }

  function sweep(): void {
    for (const [key, { account }] of kept) if (account.idle) kept.delete(key);
    if (kept.size >= ACCOUNTS_MAX) {
      const why = `the use of ${ACCOUNTS_MAX} identities and services is counted already`;
      throw new SallyportError('SERVER_BUSY', `limits: ${why}`);
    }
    sweepAt = Math.min(ACCOUNTS_MAX, Math.max(SWEEP_MIN, 2 * kept.size));
  }

  const byIdentity = (identity: Identity): Account | null =>
    find(
      `identity ${identity.name}`,
      () => `identity ${quoted(identity.name)}`,
      () => ofIdentity(identity),
    );

  const byService = (service: string): Account | null =>
    find(
      `service ${service}`,
      () => `service ${quoted(service)}`,
      () => ofService(service),
    );

  /** One more in both accounts, or in neither. */
  function addBoth(a: Account | null, b: Account | null, what: Counted): void {
    a?.add(what);
    try {
      b?.add(what);
    } catch (thrown) {
      a?.remove(what);
      throw thrown;
    }
  }

  return {
    session(identity) {
      const of = byIdentity(identity);
      of?.add('connections');
      return of === null ? null : { release: () => of.remove('connections') };
    },

    offer(identity, service) {
      const [agent, offered] = [byIdentity(identity), byService(service)];
      agent?.addName(service);
      try {
        offered?.add('connections');
      } catch (thrown) {
        agent?.removeName(service);
        throw thrown;
      }
      if (agent === null && offered === null) return null;
      return {
        release() {
          agent?.removeName(service);
          offered?.remove('connections');
        },
      };
    },

    stream(identity, service) {
      const opener = identity === null ? null : byIdentity(identity);
      const opened = byService(service);
      if (opener === null && opened === null) return null;
      addBoth(opener, opened, 'streams');
      const up = present(opener?.up, opened?.up);
      const down = present(opener?.down, opened?.down);
      return {
        paced: up.length + down.length > 0,
        counted: opener?.countsStreams === true || opened?.countsStreams === true,
        up,
        down,
        release() {
          opener?.remove('streams');
          opened?.remove('streams');
        },
      };
    },

    request(identity, service) {
      const sender = identity === null ? null : byIdentity(identity);
      sender?.request();
      try {
        byService(service)?.request();
      } catch (thrown) {
        sender?.takeBackRequest();
        throw thrown;
      }
    },

    refresh() {
      for (const { account, quota } of kept.values()) account.quota = quota() ?? {};
    },

    close: () => clock.close(),
  };
}

/** Below so many accounts nobody looks for idle ones. */
const SWEEP_MIN = 1_024;

const none: readonly ByteRate[] = [];

function present(...rates: readonly (ByteRate | null | undefined)[]): readonly ByteRate[] {
  const found = rates.filter((rate) => rate !== null && rate !== undefined);
  return found.length === 0 ? none : found;
}
