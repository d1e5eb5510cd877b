/** Options that change while the server runs: all of them are taken over, or none. */
import { isDeepStrictEqual } from 'node:util';
import type { LiveOptions } from './options.ts';

export type LiveOption = keyof LiveOptions;

/**
 * How an option is taken over. Called when its value is another one: throws when that cannot be
 * used, and changes nothing; what it returns takes the value over, and must not fail.
 */
export type Preparations = {
  readonly [Option in LiveOption]-?: (next: LiveOptions[Option]) => () => void;
};

/** Takes options over, and answers which were others than before. Throws what a preparation throws. */
export type Reload = (next: LiveOptions) => LiveOption[];

export function createReload(initial: LiveOptions, preparations: Preparations): Reload {
  let present = initial;

  function prepare(option: LiveOption, next: LiveOptions): () => void {
    // Each one gets the option of its own name.
    const preparation = preparations[option] as (value: unknown) => () => void;
    return preparation(next[option]);
  }

  return (next) => {
    const changed = (Object.keys(preparations) as LiveOption[]).filter(
      (option) => !isDeepStrictEqual(present[option], next[option]),
    );
    const takeovers = changed.map((option) => prepare(option, next));
    for (const takeOver of takeovers) takeOver();
    present = next;
    return changed;
  };
}
