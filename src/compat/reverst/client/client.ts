/** The client of reverst: registered with its server for ever, it serves what comes through the tunnel. */
import { setTimeout as pause } from 'node:timers/promises';
import { asSallyportError, type SallyportError } from '../../../errors.ts';
import { REVERST_KEEP_ALIVE_MAX_MS, REVERST_REDIAL_MIN_MS } from '../../../limits.ts';
import { createBackoff } from '../../../net/backoff.ts';
import { isFinal } from './refusal.ts';
import { openReverstSession, type ReverstSessionOptions } from './session.ts';

export interface ReverstClientOptions extends ReverstSessionOptions {
  /** Go on even after errors that dialling again cannot mend. */
  readonly keepTrying: boolean;
  /** How long requests may go on when the client leaves. */
  readonly drainGraceMs: number;
  readonly events: ReverstClientEvents;
}

export interface ReverstClientEvents {
  /** Called again after each reconnect. */
  registered(): void;
  /**
   * Not registered; the next attempt follows in `waitMs`. Null: the server let go of the client.
   * `again`: the attempt before failed with the same words.
   */
  lost(error: SallyportError | null, waitMs: number, again: boolean): void;
}

export interface ReverstClient {
  /** Registered right now. */
  readonly ready: boolean;
  /**
   * Resolves when `signal` has fired and running requests are done; rejects with the error that
   * dialling again cannot mend. To be called once.
   */
  run(signal: AbortSignal): Promise<void>;
}

export function createReverstClient(options: ReverstClientOptions): ReverstClient {
  const { events, keepTrying, drainGraceMs, idleTimeoutMs } = options;
  const keepAliveMs = Math.min(options.keepAliveMs, idleTimeoutMs / 2, REVERST_KEEP_ALIVE_MAX_MS);
  const backoff = createBackoff({ min: REVERST_REDIAL_MIN_MS, jitter: 0.1 });
  let ready = false;
  let lastWords: string | null = null;

  /** Registered once; resolves with why that ended. */
  async function registered(signal: AbortSignal): Promise<SallyportError | null> {
    const session = await openReverstSession({ ...options, keepAliveMs }, signal);
    const leave = (): void => session.leave(drainGraceMs);
    signal.addEventListener('abort', leave);
    backoff.reset();
    lastWords = null;
    ready = true;
    events.registered();
    try {
      if (signal.aborted) leave();
      return await session.closed;
    } finally {
      ready = false;
      signal.removeEventListener('abort', leave);
    }
  }

  async function keepRegistered(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const error = await registered(signal).catch(asSallyportError);
      if (signal.aborted) return;
      if (error !== null && isFinal(error) && !keepTrying) throw error;
      const waitMs = Math.round(backoff.next());
      const words = error?.message ?? null;
      events.lost(error, waitMs, words !== null && words === lastWords);
      lastWords = words;
      await pause(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  return {
    get ready() {
      return ready;
    },
    run: (signal) => keepRegistered(signal).finally(() => options.target.close()),
  };
}
