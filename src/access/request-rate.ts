/** A token bucket of requests: as many a second, and those of one second may come at once. */
export class RequestRate {
  #perSecond: number;
  #tokens: number;
  #filledAt: number;

  /** `now`: milliseconds since some moment. */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#filledAt = now;
  }

  /** Another rate from now on. */
  change(perSecond: number, now: number): void {
    this.#fill(now);
    this.#perSecond = perSecond;
    this.#tokens = Math.min(this.#tokens, perSecond);
  }

  /** Takes one where there is one. */
  take(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Gives one back that was taken for nothing. */
  giveBack(): void {
    this.#tokens++;
  }

  #fill(now: number): void {
    const gained = ((now - this.#filledAt) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + gained);
    this.#filledAt = now;
  }
}
