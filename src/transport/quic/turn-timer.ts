/** The timer of a connection: it is set anew in nearly every turn, and mostly to nearly the same time. */

/** One that fires so much early finds nothing due and is set again: cheaper than setting each. Milliseconds. */
const EARLY_MS = 5;

export class TurnTimer {
  #due: () => void;
  #timer: NodeJS.Timeout | null = null;
  #at = 0;

  constructor(due: () => void) {
    this.#due = due;
  }

  /** Null: nothing will be due. */
  arm(ms: number | null): void {
    if (ms === null) return this.disarm();
    const at = performance.now() + ms;
    if (this.#timer !== null && this.#at <= at && at - this.#at < EARLY_MS) return;
    this.disarm();
    this.#at = at;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#due();
      },
      Math.max(1, Math.ceil(ms)),
    );
  }

  disarm(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }
}
