/** Durations as Go writes them: `500ms`, `5s`, `1m30s`, `1.5h`, and a bare `0`. */
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** The longest that a timer of Node.js can take. */
const LONGEST_MS = 2 ** 31 - 1;

/** In milliseconds, at most those a timer can wait. Throws USAGE, also below zero. */
export function parseGoDuration(text: string, what: string): number {
  if (text === '0') return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/gy)];
  const length = parts.reduce((sum, [part]) => sum + part.length, 0);
  if (parts.length === 0 || length !== text.length)
    throw new SallyportError(
      'USAGE',
      `${what}: ${quoted(text)} is no duration such as 500ms or 1m30s`,
    );
  const ms = parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNIT_MS[unit], 0);
  return Math.min(ms, LONGEST_MS);
}

/** As `parseGoDuration`, for timers that would never rest with 0. */
export function parsePositiveDuration(text: string, what: string): number {
  const ms = parseGoDuration(text, what);
  if (ms >= 1) return ms;
  throw new SallyportError('USAGE', `${what}: it must be 1ms or longer`);
}
