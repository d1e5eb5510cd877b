/**
 * Limits of identities and services, and what each of them uses. Where nothing is limited nothing is
 * counted; one that is at its limit is refused, or slowed down, and nobody else notices.
 */
import { SallyportError } from '../errors.ts';
import { ACCOUNTS_MAX } from '../limits.ts';
import { quoted } from '../net/printable.ts';
import { PaceClock, type ByteRate } from '../session/pace.ts';
import { Account } from './account.ts';
import type { Identity } from './identity.ts';
import { Owners } from './owners.ts';
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
/**
 * Streams and requests count for whoever opens them, for the service, and for the identities whose
 * agents offer it: once for each.
 */
export interface Quotas {
  /** A session of an identity. Throws LIMIT_REACHED. */
  session(identity: Identity): Lease;
  /** An agent of that identity offers the service. Throws LIMIT_REACHED. */
  offer(identity: Identity, service: string): Lease;
  /**
   * A stream; `identity` is null where nobody has said who opens it. Throws LIMIT_REACHED. Null:
   * nothing of it is limited.
   */
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

/** Where nothing is limited, and there is nothing to give back. */
const free: Lease = { release() {} };

/** What an agent that offers a service takes. An object without closures: there is one for each. */
class Offer implements Lease {
  readonly #owners: Owners;
  readonly #identity: Identity;
  readonly #service: string;
  readonly #agent: Account | null;
  readonly #offered: Account | null;

  constructor(
    owners: Owners,
    identity: Identity,
    service: string,
    agent: Account | null,
    offered: Account | null,
  ) {
    this.#owners = owners;
    this.#identity = identity;
    this.#service = service;
    this.#agent = agent;
    this.#offered = offered;
    owners.add(identity, service);
  }

  release(): void {
    this.#owners.remove(this.#identity, this.#service);
    this.#agent?.removeName(this.#service);
    this.#offered?.remove('connections');
  }
}

export function createQuotas(options: QuotasOptions): Quotas {
  const { ofIdentity, ofService } = options;
  const clock = new PaceClock(options.now);
  const identities = new Map<string, Kept>();
  const services = new Map<string, Kept>();
  const owners = new Owners();
  /** Accounts that were looked up; null for those without limits. */
  let known = new WeakMap<Identity, Account | null>();
  let sweepAt = SWEEP_MIN;

  function keep(
    kept: Map<string, Kept>,
    name: string,
    owner: string,
    quota: () => Quota | null,
  ): Account | null {
    const set = quota();
    if (set === null) return null;
    if (identities.size + services.size >= sweepAt) sweep();
    const account = new Account(owner, set, clock);
    kept.set(name, { account, quota });
    return account;
  }

  function sweep(): void {
    for (const kept of [identities, services])
      for (const [name, { account }] of kept) if (account.idle) kept.delete(name);
    known = new WeakMap();
    const size = identities.size + services.size;
    if (size >= ACCOUNTS_MAX) {
      const why = `the use of ${ACCOUNTS_MAX} identities and services is counted already`;
      throw new SallyportError('SERVER_BUSY', `limits: ${why}`);
    }
    sweepAt = Math.min(ACCOUNTS_MAX, Math.max(SWEEP_MIN, 2 * size));
  }

  function byIdentity(identity: Identity): Account | null {
    let account = known.get(identity);
    if (account === undefined) {
      const { name } = identity;
      account =
        identities.get(name)?.account ??
        keep(identities, name, `identity ${quoted(name)}`, () => ofIdentity(identity));
      known.set(identity, account);
    }
    return account;
  }

  function byService(service: string): Account | null {
    const present = services.get(service);
    if (present !== undefined) return present.account;
    if (ofService(service) === null) return null;
    return keep(services, service, `service ${quoted(service)}`, () => ofService(service));
  }

  /** All that something at the service counts for, each once. Asked for every request. */
  function concerned(identity: Identity | null, service: string): readonly Account[] {
    let accounts = noAccounts;
    if (identity !== null) accounts = including(accounts, byIdentity(identity));
    accounts = including(accounts, byService(service));
    for (const owner of owners.of(service))
      accounts = including(accounts, byIdentity(owner.identity));
    return accounts;
  }

  return {
    session(identity) {
      const account = byIdentity(identity);
      if (account === null) return free;
      account.add('connections');
      return { release: () => account.remove('connections') };
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
      return new Offer(owners, identity, service, agent, offered);
    },

    stream(identity, service) {
      const accounts = concerned(identity, service);
      if (accounts.length === 0) return null;
      all(accounts, countStream, endStream);
      const up = accounts.flatMap((account) => account.up ?? []);
      const down = accounts.flatMap((account) => account.down ?? []);
      return {
        paced: up.length + down.length > 0,
        counted: accounts.some((account) => account.countsStreams),
        up,
        down,
        release: () => accounts.forEach(endStream),
      };
    },

    request(identity, service) {
      all(concerned(identity, service), countRequest, takeBackRequest);
    },

    refresh() {
      known = new WeakMap();
      for (const kept of [identities, services])
        for (const { account, quota } of kept.values()) account.quota = quota() ?? {};
    },

    close: () => clock.close(),
  };
}

const noAccounts: readonly Account[] = [];

function including(accounts: readonly Account[], account: Account | null): readonly Account[] {
  return account === null || accounts.includes(account) ? accounts : [...accounts, account];
}

const countRequest = (account: Account): void => account.request();
const takeBackRequest = (account: Account): void => account.takeBackRequest();
const countStream = (account: Account): void => account.add('streams');
const endStream = (account: Account): void => account.remove('streams');

/** Takes from all of the accounts or, when one of them throws, from none. */
function all(
  accounts: readonly Account[],
  take: (account: Account) => void,
  giveBack: (account: Account) => void,
): void {
  let taken = 0;
  try {
    for (const account of accounts) {
      take(account);
      taken++;
    }
  } catch (thrown) {
    accounts.slice(0, taken).forEach(giveBack);
    throw thrown;
  }
}

/** Below so many accounts nobody looks for idle ones. */
const SWEEP_MIN = 1_024;
