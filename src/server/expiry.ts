/**
 * Credentials that end end the sessions that came in by them: tokens and certificates are good for a
 * time only. A request that has begun goes on: it was right when it came.
 */
import { SallyportError } from '../errors.ts';
import { EXPIRY_CHECK_MS } from '../limits.ts';
import type { Sessions } from './sessions.ts';

export interface ExpiryOptions {
  readonly sessions: Pick<Sessions, 'all'>;
  /** Whether there are credentials that end. */
  readonly any: () => boolean;
}

/** Looks every EXPIRY_CHECK_MS. Returns what ends it. */
export function watchExpiry({ sessions, any }: ExpiryOptions): () => void {
  const timer = setInterval(() => {
    if (!any()) return;
    const now = Date.now();
    for (const { identity, session } of sessions.all()) {
      if (identity.expiresAt > now) continue;
      session.close(new SallyportError('AUTH_FAILED', 'session: the credentials have expired'));
    }
  }, EXPIRY_CHECK_MS).unref();
  return () => clearInterval(timer);
}
