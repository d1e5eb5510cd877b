/** Options that change while the server runs: all of them are taken over, or none. */
import { isDeepStrictEqual } from 'node:util';
import type { LiveOptions } from './options.ts';

export type LiveOption = keyof LiveOptions;

/**
 * Called with all options when one of its own is another: throws when they cannot be used, and
 * changes nothing; what it returns takes them over, and must not fail.
 */
export type Preparation = (next: LiveOptions) => () => void;

/** One may stand for several options; it is called once for all of them. */
export type Preparations = { readonly [Option in LiveOption]-?: Preparation };

/** Takes options over, and answers which were others than before. Throws what a preparation throws. */
export type Reload = (next: LiveOptions) => LiveOption[];

/** Options by which it is decided who may do what. */
const decisive = new Set<LiveOption>(['identities', 'authenticators', 'services', 'policy']);

/** `rejudge` is called once when another one decides who may do what. */
export function createReload(
  initial: LiveOptions,
  preparations: Preparations,
  rejudge: () => void,
): Reload {
  let present = initial;
  return (next) => {
    const options = Object.keys(preparations) as LiveOption[];
    const changed = options.filter((option) => !isDeepStrictEqual(present[option], next[option]));
    const concerned = new Set(changed.map((option) => preparations[option]));
    const takeovers = [...concerned].map((prepare) => prepare(next));
    for (const takeOver of takeovers) takeOver();
    present = next;
    if (changed.some((option) => decisive.has(option))) rejudge();
    return changed;
  };
}
