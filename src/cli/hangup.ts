/** SIGHUP: to a daemon the wish that it reads its configuration again, to a ProxyCommand the end. */
import { CLOSE_FLUSH_MS } from '../limits.ts';

/** Calls the listener at each SIGHUP, which no longer ends the process. Returns what undoes that. */
export function onHangup(listener: () => void): () => void {
  process.on('SIGHUP', listener);
  return () => void process.off('SIGHUP', listener);
}

/**
 * The signal, and a while after a hangup. ssh sends its ProxyCommand one right behind its last words:
 * they are still to be read, and the other end would wait for them.
 */
export function leaveAfterHangup(signal: AbortSignal): AbortSignal {
  const late = new AbortController();
  onHangup(() => setTimeout(() => late.abort(), CLOSE_FLUSH_MS).unref());
  return AbortSignal.any([signal, late.signal]);
}
