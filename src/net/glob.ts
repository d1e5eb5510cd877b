/**
 * Globs: `*` stands for any run of characters, also an empty one and across dots; everything else
 * stands for itself. The pattern covers the whole text. No regular expression is made of it, so no
 * pattern can make matching slow: each piece is searched for once, from left to right.
 */
export function createGlob(pattern: string): (text: string) => boolean {
  const [head, ...rest] = pattern.split('*') as [string, ...string[]];
  const tail = rest.pop();
  if (tail === undefined) return (text) => text === pattern;
  const middles = rest.filter((piece) => piece !== '');
  return (text) => {
    const end = text.length - tail.length;
    if (head.length > end || !text.startsWith(head) || !text.endsWith(tail)) return false;
    let from = head.length;
    for (const middle of middles) {
      const found = text.indexOf(middle, from);
      if (found === -1) return false;
      from = found + middle.length;
    }
    return from <= end;
  };
}

/** Several globs: a text matches when one of them does. */
export interface Globs {
  /** As written: for messages. */
  readonly patterns: readonly string[];
  match(text: string): boolean;
}

export function createGlobs(patterns: readonly string[]): Globs {
  const globs = patterns.map(createGlob);
  return { patterns, match: (text) => globs.some((glob) => glob(text)) };
}
