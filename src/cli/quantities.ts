/** Times and sizes as people read them. */

const TIMES = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** `3d`, `2h`, `59m`, `1s`: how long ago, or for how long. */
export function shortTime(ms: number): string {
  const [unit, size] = TIMES.find(([, length]) => ms >= length) ?? TIMES[TIMES.length - 1];
  return `${Math.max(0, Math.floor(ms / size))}${unit}`;
}

/** `1 stream`, `2 streams`. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

const SIZES = ['B', 'KB', 'MB', 'GB', 'TB'];

/** `0 B`, `1.5 KB`, `23 MB`: units of 1024. */
export function shortSize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), SIZES.length - 1);
  const value = bytes / 1024 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.floor(value)} ${SIZES[power]}`;
}
