/** Finds what somebody may have meant. */

/** Changes between what was written and what was meant; more is a coincidence. */
const CHANGES_MAX = 2;
/** In a shorter word two changes leave nothing of it. */
const SHORT_CHARS = 5;
/** Longer words are not typing mistakes. */
const WORD_MAX_CHARS = 64;

/** The candidate that differs least from the word, or null when none comes near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  if (word.length > WORD_MAX_CHARS) return null;
  let best: string | null = null;
  let least = word.length <= SHORT_CHARS ? 1 : CHANGES_MAX;
  for (const candidate of candidates) {
    const changes = distance(word, candidate);
    if (changes > least || (changes === least && best !== null)) continue;
    best = candidate;
    least = changes;
  }
  return best;
}

/** `; did you mean X?`, or nothing. */
export function suggestion(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates);
  return meant === null ? '' : `; did you mean ${meant}?`;
}

/** Letters to insert, remove, replace or swap with the next, to get from one word to the other. */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      let changes = Math.min(
        above[column] + 1,
        current[column - 1] + 1,
        above[column - 1] + (same ? 0 : 1),
      );
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) changes = Math.min(changes, (before[column - 2] ?? Infinity) + 1);
      current.push(changes);
    }
    before = above;
    above = current;
  }
  return above[to.length];
}
