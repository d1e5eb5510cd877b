/** The end of a log: what it still holds has LOG_CLOSE_MS to leave. */
import { LOG_CLOSE_MS } from '../limits.ts';

/** Resolves when everything has left, or the time is over. */
export async function leaving(left: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LOG_CLOSE_MS);
  });
  await Promise.race([left, late]);
  clearTimeout(timer);
}
