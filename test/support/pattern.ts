/** Bytes known by their position, so that a receiver can check every one of them without keeping any. */

/** A prime, so that no power of two that a buffer is cut by falls in with it. */
const PERIOD = 1_048_573;

/** Two periods of pseudo-random bytes (xorshift): a period is contiguous from any place. */
const tape = Buffer.alloc(2 * PERIOD);
for (let at = 0, state = 0x2545f491; at < PERIOD; at++) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  tape[at] = tape[PERIOD + at] = state >>> 11;
}

/** An endless row of bytes; every `seed` has its own. */
export class Pattern {
  #offset: number;

  constructor(seed: number) {
    this.#offset = (seed * 7_919) % PERIOD;
  }

  /** Writes the bytes from `position` on into `[start, end)`, at most a mebibyte. */
  fill(bytes: Buffer, start: number, end: number, position: number): void {
    const from = (position + this.#offset) % PERIOD;
    tape.copy(bytes, start, from, from + end - start);
  }

  /** True when `[start, end)` holds the bytes from `position` on. */
  holds(bytes: Buffer, start: number, end: number, position: number): boolean {
    for (let at = start; at < end; at += PERIOD) {
      const n = Math.min(end - at, PERIOD);
      const from = (position + at - start + this.#offset) % PERIOD;
      if (bytes.compare(tape, from, from + n, at, at + n) !== 0) return false;
    }
    return true;
  }

  /** The bytes from `position` on, in a buffer of their own. */
  bytes(position: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += PERIOD) {
      this.fill(bytes, at, Math.min(length, at + PERIOD), position + at);
    }
    return bytes;
  }
}
