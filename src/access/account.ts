/** What one identity or one service uses now, against its quota. */
import { SallyportError } from '../errors.ts';
import { ByteRate, type PaceClock } from '../session/pace.ts';
import type { Quota } from './quota.ts';
import { RequestRate } from './request-rate.ts';

/** What is counted as long as it lasts. */
type Counted = 'connections' | 'streams';

export class Account {
  /** For messages: `identity "ann"`, `service web`. */
  readonly owner: string;
  #clock: PaceClock;
  #quota!: Quota;
  #up: ByteRate | null = null;
  #down: ByteRate | null = null;
  #counts = { connections: 0, streams: 0 };
  /** Names that are registered, and how often. */
  #names = new Map<string, number>();
  #requests: RequestRate | null = null;
  #usedAt: number;

  constructor(owner: string, quota: Quota, clock: PaceClock) {
    this.owner = owner;
    this.#clock = clock;
    this.#usedAt = clock.now();
    this.quota = quota;
  }

  /** Another quota from now on. What is above it stays; streams under a rate go on at the new one. */
  set quota(quota: Quota) {
    this.#quota = quota;
    this.#up = this.#rate(this.#up, quota.up);
    this.#down = this.#rate(this.#down, quota.down);
    const now = this.#clock.now();
    if (quota.requests === undefined) this.#requests = null;
    else if (this.#requests === null) this.#requests = new RequestRate(quota.requests, now);
    else this.#requests.change(quota.requests, now);
  }

  #rate(present: ByteRate | null, bytesPerSecond = Infinity): ByteRate | null {
    if (present !== null) present.perSecond = bytesPerSecond;
    else if (bytesPerSecond !== Infinity) return new ByteRate(this.#clock, bytesPerSecond);
    return present;
  }

  /** Null: bytes from consumers are not limited. */
  get up(): ByteRate | null {
    return this.#quota.up === undefined ? null : this.#up;
  }

  get down(): ByteRate | null {
    return this.#quota.down === undefined ? null : this.#down;
  }

  get countsStreams(): boolean {
    return this.#quota.streams !== undefined;
  }

  /** Throws LIMIT_REACHED when there is no room for one more. */
  add(what: Counted): void {
    this.#touch();
    const most = this.#quota[what];
    if (most !== undefined && this.#counts[what] >= most) throw this.#full(what, most);
    this.#counts[what]++;
  }

  remove(what: Counted): void {
    this.#counts[what]--;
    this.#touch();
  }

  /** Throws LIMIT_REACHED for a further name. One that is registered already takes no room. */
  addName(name: string): void {
    const times = this.#names.get(name) ?? 0;
    const most = this.#quota.names;
    if (times === 0 && most !== undefined && this.#names.size >= most)
      throw this.#full('names', most);
    this.#names.set(name, times + 1);
  }

  removeName(name: string): void {
    const times = this.#names.get(name)!;
    if (times > 1) this.#names.set(name, times - 1);
    else this.#names.delete(name);
    this.#touch();
  }

  /** Throws RATE_LIMITED when too many came within a second. */
  request(): void {
    this.#touch();
    if (this.#requests === null || this.#requests.take(this.#clock.now())) return;
    const why = `more than ${this.#quota.requests} requests a second`;
    throw new SallyportError('RATE_LIMITED', `${this.owner}: ${why}`);
  }

  /** The request was refused elsewhere. */
  takeBackRequest(): void {
    this.#requests?.giveBack();
  }

  #touch(): void {
    this.#usedAt = this.#clock.now();
  }

  /** Nothing of it is in use, and its rates are as good as new: it can be forgotten. */
  get idle(): boolean {
    const { connections, streams } = this.#counts;
    if (connections + streams + this.#names.size > 0) return false;
    return this.#clock.now() - this.#usedAt > REFILL_MS;
  }

  #full(what: Counted | 'names', most: number): SallyportError {
    return new SallyportError('LIMIT_REACHED', `${this.owner}: its limit is ${most} ${what}`);
  }
}

/** Every rate is full again after this long. */
const REFILL_MS = 1_000;
