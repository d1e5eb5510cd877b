/**
 * Keeps a client attached: dials, and dials again whenever the session ends, with growing pauses,
 * for ever. Only an error that dialling cannot mend ends it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { asSallyportError, type SallyportError } from '../errors.ts';
import { createBackoff } from '../net/backoff.ts';
import type { ClientSession } from './client-session.ts';

export interface KeepAttachedOptions {
  /** Dials and says hello; gives up when the signal fires. */
  open(signal: AbortSignal): Promise<ClientSession>;
  /** A session stands: register. The promise it returns is awaited; a rejection ends the session. */
  attached(session: ClientSession): Promise<void>;
  /** A session or an attempt ended; the next attempt follows in `waitMs`. */
  lost(error: SallyportError | null, waitMs: number): void;
  /** Goes on even after errors that dialling cannot mend. */
  keepTrying: boolean;
  signal: AbortSignal;
}

/**
 * Resolves when `signal` fires, which closes the session; rejects with the error that dialling
 * cannot mend.
 */
export async function keepAttached(options: KeepAttachedOptions): Promise<void> {
  const { signal } = options;
  const backoff = createBackoff();
  while (!signal.aborted) {
    let error: SallyportError | null;
    let session: ClientSession | null = null;
    const leave = (): void => session?.close();
    signal.addEventListener('abort', leave);
    try {
      session = await options.open(signal);
      signal.throwIfAborted();
      await options.attached(session);
      backoff.reset();
      error = await Promise.race([session.closed, session.draining]);
    } catch (thrown) {
      session?.close();
      error = asSallyportError(thrown);
    } finally {
      signal.removeEventListener('abort', leave);
    }
    if (signal.aborted) return;
    if (error?.fatal && !options.keepTrying) throw error;
    const waitMs = Math.round(backoff.next());
    options.lost(error, waitMs);
    await pause(waitMs, undefined, { signal }).catch(() => {});
  }
}
