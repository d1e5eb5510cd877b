/** Port ranges: `20000-29999`, `22,80-90`, `22,80..90`, `*` for every port. */
import { SallyportError } from '../errors.ts';
import { quoted } from './printable.ts';

export const PORT_MAX = 65_535;

/** Both ends belong to the range; 1 <= low <= high <= 65535. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** A port in plain decimal digits between `lowest` and 65535, or null. */
export function parsePort(text: string, lowest: 0 | 1): number | null {
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text)) return null;
  const port = Number(text);
  return port >= lowest && port <= PORT_MAX ? port : null;
}

/** Parses a list of ports and ranges into ascending ranges that do not touch. Throws USAGE. */
export function parsePortRanges(text: string): PortRange[] {
  const ranges = text.split(',').map((item) => parseRange(item.trim(), text));
  ranges.sort((a, b) => a.low - b.low);
  const merged: PortRange[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && range.low <= last.high + 1) {
      merged[merged.length - 1] = { low: last.low, high: Math.max(last.high, range.high) };
    } else {
      merged.push(range);
    }
  }
  return merged;
}

function parseRange(item: string, text: string): PortRange {
  if (item === '*') return { low: 1, high: PORT_MAX };
  const ends = item.split(/-|\.\./);
  const low = parsePort(ends[0], 1);
  const high = parsePort(ends.at(-1)!, 1);
  if (ends.length > 2 || low === null || high === null) {
    throw refusal(
      text,
      `${quoted(item)} is not a port; write ports from 1 to ${PORT_MAX} such as 22, 80-90 or *`,
    );
  }
  if (low > high) throw refusal(text, `${item} runs backwards; write ${high}-${low}`);
  return { low, high };
}

function refusal(text: string, why: string): SallyportError {
  return new SallyportError('USAGE', `ports ${quoted(text)}: ${why}`);
}

/** The ranges as `parsePortRanges` reads them. */
export function formatPortRanges(ranges: readonly PortRange[]): string {
  return ranges.map(({ low, high }) => (low === high ? `${low}` : `${low}-${high}`)).join(',');
}

export function portInRanges(port: number, ranges: readonly PortRange[]): boolean {
  return ranges.some(({ low, high }) => low <= port && port <= high);
}
