/** Ids that name a stream or request in all logs. */
import { randomBytes } from 'node:crypto';

/** A random start, so that the ids of two runs differ, and a count. */
export function createIds(): () => string {
  const start = randomBytes(4).toString('hex');
  let count = 0;
  return () => `${start}-${(++count).toString(36)}`;
}
