/** Advice in the words of the program that was called: what to mend is named as its users know it. */
import type { SallyportError } from '../errors.ts';

/** What the table of errors says, and what is said in its place. */
export type OwnWords = readonly (readonly [ours: string, own: string])[];

export function adviceIn(words: OwnWords, { advice }: SallyportError): string {
  return words.reduce((text, [ours, own]) => text.replaceAll(ours, own), advice);
}
