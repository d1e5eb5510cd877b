/** Log files that were put aside: `server.log` as `server-2026-01-31T23-59-59.123.log`. */
import { readdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';

/** Which of them stay. */
export interface Retention {
  /** So many of the latest. Default: all. */
  readonly maxFiles?: number;
  /** Those that are younger, in milliseconds. Default: all. */
  readonly maxAgeMs?: number;
}

/** The name under which the file is put aside now; not one that is there already. */
export async function rotatedName(file: string, now: number): Promise<string> {
  for (let at = now; ; at++) {
    const name = nameAt(file, at);
    const there = await stat(name).then(
      () => true,
      () => false,
    );
    if (!there) return name;
  }
}

function nameAt(file: string, time: number): string {
  const { dir, name, ext } = path.parse(file);
  const moment = new Date(time).toISOString().slice(0, -1).replaceAll(':', '-');
  return path.join(dir, `${name}-${moment}${ext}`);
}

/** Removes those that do not stay. What cannot be removed now is tried the next time. */
export async function pruneRotated(
  file: string,
  { maxFiles = Infinity, maxAgeMs = Infinity }: Retention,
  now: number,
): Promise<void> {
  const { dir } = path.parse(file);
  const names = await readdir(dir === '' ? '.' : dir).catch(() => []);
  const latestFirst = names
    .map((name) => ({ name, time: timeOf(file, name) }))
    .filter(({ time }) => !Number.isNaN(time))
    .toSorted((a, b) => b.time - a.time);
  for (const [index, { name, time }] of latestFirst.entries()) {
    if (index < maxFiles && now - time <= maxAgeMs) continue;
    await unlink(path.join(dir, name)).catch(() => {});
  }
}

/** When that file of the directory was put aside; NaN when it is not one of ours. */
function timeOf(file: string, candidate: string): number {
  const { name, ext } = path.parse(file);
  if (!candidate.startsWith(`${name}-`) || !candidate.endsWith(ext)) return Number.NaN;
  const moment = candidate.slice(name.length + 1, candidate.length - ext.length);
  if (!/^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/.test(moment)) return Number.NaN;
  const [date, time] = moment.split('T');
  return Date.parse(`${date}T${time.replaceAll('-', ':')}Z`);
}
