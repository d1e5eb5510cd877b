/** A groups file as parsed values whose places are known; whoever reads the file parses it. */
import { quoted } from '../../net/printable.ts';

export type Path = readonly (string | number)[];

export interface GroupsDocument {
  /** As it is named in messages. */
  readonly file: string;
  /** Text, lists, maps, and null where nothing was written. */
  readonly values: unknown;
  /** Of the value at the path, or of the nearest thing around it; of the key itself with `key`. From 1. */
  position(path: Path, part?: 'key' | 'value'): { readonly line: number; readonly column: number };
}

/** Takes what is wrong at a place, and how to mend it. Never a value: it could be a secret. */
export type Report = (path: Path, why: string, part?: 'key' | 'value') => void;

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reports every key that is not known: what it was meant for would silently not happen. */
export function unknownKeys(
  values: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: Path,
  report: Report,
): void {
  for (const key of Object.keys(values))
    if (!known.includes(key))
      report(
        [...path, key],
        `key ${quoted(key)} is not known here; known: ${known.join(', ')}`,
        'key',
      );
}
