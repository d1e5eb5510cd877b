/** Credentials that end end what came in by them: tokens and certificates are good for a time only. */
import { SallyportError } from '../errors.ts';
import { EXPIRY_CHECK_MS } from '../limits.ts';
import type { LiveStreams } from '../registry/live-streams.ts';
import type { Sessions } from './sessions.ts';

export interface ExpiryOptions {
  readonly sessions: Pick<Sessions, 'all'>;
  readonly live: LiveStreams;
  /** Whether there are credentials that end. */
  readonly any: () => boolean;
}

/** Looks every EXPIRY_CHECK_MS. Returns what ends it. */
export function watchExpiry({ sessions, live, any }: ExpiryOptions): () => void {
  const timer = setInterval(() => {
    if (!any()) return;
    const now = Date.now();
    for (const { identity, session } of sessions.all()) {
      if (identity.expiresAt <= now) session.close(ended('session'));
    }
    for (const { identity, request } of live.list()) {
      if (identity !== null && identity.expiresAt <= now)
        live.kick(request.id, ended(`service ${request.service}`));
    }
  }, EXPIRY_CHECK_MS).unref();
  return () => clearInterval(timer);
}

function ended(what: string): SallyportError {
  return new SallyportError('AUTH_FAILED', `${what}: the credentials have expired`);
}
