/** How both programs of sokken end: by one of three signals, which all count as a failure. */
import { onHangup } from '../hangup.ts';
import { signalName } from './callback-logs.ts';

/** Resolves with the name of the signal. */
export function endingSignal(signal: AbortSignal): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const undo = onHangup(() => resolve('hangup'));
  const shutdown = (): void => resolve(signalName(signal));
  if (signal.aborted) shutdown();
  else signal.addEventListener('abort', shutdown, { once: true });
  return promise.finally(undo);
}

/** As Go's durations read, to a tenth of a second. */
export function lasted(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`;
}
