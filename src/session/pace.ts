/**
 * Rates of bytes that streams share: what a rate allows is dealt out in turns of a bounded size, so
 * that no stream of it gets more than another that wants as much. Streams of other rates are not
 * concerned.
 */
import {
  PACE_BURST_MS,
  PACE_TICK_MS,
  PACE_TURN_MAX_BYTES,
  PACE_TURN_MIN_BYTES,
} from '../limits.ts';

/** Whoever has bytes that wait for a rate. */
export interface Waiting {
  /**
   * May pass on up to `bytes`, and takes them from the rate. Who has more waits again: `rate.wait`.
   */
  turn(bytes: number): void;
}

/** What all rates of a process share: a clock, and one timer that runs while anybody waits. */
export class PaceClock {
  readonly now: () => number;
  #rates = new Set<ByteRate>();
  #timer: NodeJS.Timeout | null = null;

  /** `now`: milliseconds since some moment. */
  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  /** Somebody waits for this rate. */
  start(rate: ByteRate): void {
    this.#rates.add(rate);
    this.#timer ??= setInterval(() => this.#tick(), PACE_TICK_MS).unref();
  }

  #tick(): void {
    for (const rate of this.#rates) if (!rate.serve()) this.#rates.delete(rate);
    if (this.#rates.size === 0) this.close();
  }

  close(): void {
    clearInterval(this.#timer ?? undefined);
    this.#timer = null;
  }
}

/** A token bucket of bytes, and who waits for it. What passes in PACE_BURST_MS may come at once. */
export class ByteRate {
  #clock: PaceClock;
  #perSecond: number;
  #tokens: number;
  #filledAt: number;
  #waiting = new Set<Waiting>();

  constructor(clock: PaceClock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#perSecond = bytesPerSecond;
    this.#tokens = this.#burst;
    this.#filledAt = clock.now();
  }

  /** Another rate from now on, for those who wait as well; Infinity lets everything pass. */
  set perSecond(bytes: number) {
    this.#fill();
    this.#perSecond = bytes;
    this.#tokens = Math.min(this.#tokens, this.#burst);
  }

  get #burst(): number {
    return Math.max(PACE_TURN_MIN_BYTES, (this.#perSecond * PACE_BURST_MS) / 1_000);
  }

  #fill(): void {
    const now = this.#clock.now();
    if (now === this.#filledAt) return;
    const gained = ((now - this.#filledAt) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#filledAt = now;
  }

  /** Bytes that may pass now, for whoever's turn it is. */
  get left(): number {
    this.#fill();
    return Math.floor(this.#tokens);
  }

  /** Somebody waits: a newcomer has to stand behind. */
  get crowded(): boolean {
    return this.#waiting.size > 0;
  }

  take(bytes: number): void {
    this.#tokens -= bytes;
  }

  /** Stands last in the queue, once. */
  wait(one: Waiting): void {
    this.#waiting.add(one);
    this.#clock.start(this);
  }

  leave(one: Waiting): void {
    this.#waiting.delete(one);
  }

  /** Deals out what there is. Answers whether somebody still waits. */
  serve(): boolean {
    const turn = Math.min(
      PACE_TURN_MAX_BYTES,
      Math.max(PACE_TURN_MIN_BYTES, Math.floor((this.#perSecond * PACE_TICK_MS) / 1_000)),
    );
    this.#fill();
    // What is left over of a turn would be a crumb: it waits for the next tick.
    const least = Math.min(turn, PACE_TURN_MIN_BYTES);
    while (this.#waiting.size > 0 && this.#tokens >= least) {
      const [first] = this.#waiting;
      this.#waiting.delete(first);
      first.turn(Math.min(turn, Math.floor(this.#tokens)));
    }
    return this.#waiting.size > 0;
  }
}
