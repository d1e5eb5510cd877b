/**
 * How long streams of this process have waited for their peers' windows, all together: what a slow
 * reader, or a window too small for the road, costs. Two additions for each wait, none for bytes.
 */
let waiting = 0;
/** The sum of all ends minus the sum of all beginnings: with those that go on, what was waited. */
let balance = 0;

export function windowWaitBegins(): void {
  waiting++;
  balance -= performance.now();
}

export function windowWaitEnds(): void {
  waiting--;
  balance += performance.now();
}

/** Milliseconds until now; only ever grows. */
export function windowWaitMs(): number {
  return balance + waiting * performance.now();
}
