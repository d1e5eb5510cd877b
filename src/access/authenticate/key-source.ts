/**
 * Where the keys of an issuer come from, and when they are fetched again. What a client can send
 * makes them be fetched once in a while at most; while they cannot be fetched the old ones count.
 */
import { SallyportError } from '../../errors.ts';
import {
  JWKS_COOLDOWN_MS,
  JWKS_FRESH_MS,
  JWKS_MAX_BYTES,
  JWKS_RETRY_MS,
  JWKS_STALE_MAX_MS,
  JWKS_TIMEOUT_MS,
} from '../../limits.ts';
import { callHttp } from '../../net/http-call.ts';
import { readKeySet, type KeyFinder } from './key-set.ts';
import { inClearText } from './service-url.ts';

export interface KeySource {
  /** The keys to use. Rejects with AUTH_UNAVAILABLE when there are none. */
  keys(): KeyFinder | Promise<KeyFinder>;
  /** Other keys than these, for a token whose key is not among them. Null: there are none now. */
  newer(known: KeyFinder): Promise<KeyFinder | null>;
  close(): void;
}

/** Keys that are there from the start. Throws CONFIG_INVALID. */
export function createFixedKeys(text: string, authenticator: string): KeySource {
  try {
    const keys = readKeySet(text);
    return { keys: () => keys, newer: async () => null, close() {} };
  } catch (thrown) {
    const why = (thrown as Error).message;
    throw new SallyportError('CONFIG_INVALID', `authenticator ${authenticator}: keys: ${why}`);
  }
}

export interface FetchedKeysOptions {
  readonly url: URL;
  readonly ca?: string;
  /** Keys could not be fetched, or not be used. */
  readonly trouble: (why: string) => void;
  /** Milliseconds on a clock that does not jump. */
  readonly now?: () => number;
}

/** Keys of a URL; the first ones are fetched at once. */
export function createFetchedKeys(options: FetchedKeysOptions): KeySource {
  const { url, ca, trouble, now = () => performance.now() } = options;
  const ended = new AbortController();
  let keys: KeyFinder | null = null;
  let text = '';
  let fetchedAt = -Infinity;
  let attemptedAt = -Infinity;
  let attempt: Promise<void> | null = null;

  /** Fetches, unless that was tried just now: null then. What fails is told, and is no rejection. */
  function refresh(): Promise<void> | null {
    if (attempt !== null) return attempt;
    const pause = keys === null ? JWKS_RETRY_MS : JWKS_COOLDOWN_MS;
    if (ended.signal.aborted || now() - attemptedAt < pause) return null;
    attemptedAt = now();
    attempt = fetchKeys()
      .catch((thrown: Error) => {
        if (!ended.signal.aborted) trouble(`its keys cannot be fetched: ${thrown.message}`);
      })
      .finally(() => (attempt = null));
    return attempt;
  }

  async function fetchKeys(): Promise<void> {
    const answer = await callHttp(url, {
      headers: { Accept: 'application/jwk-set+json, application/json' },
      timeoutMs: JWKS_TIMEOUT_MS,
      maxBytes: JWKS_MAX_BYTES,
      signal: ended.signal,
      ...(ca === undefined ? {} : { ca }),
    });
    if (answer.status !== 200) throw new Error(`the answer has status ${answer.status}`);
    const next = answer.body.toString();
    if (keys === null || next !== text) keys = readKeySet(next);
    text = next;
    fetchedAt = now();
  }

  function usable(): KeyFinder {
    if (keys !== null && now() - fetchedAt < JWKS_STALE_MAX_MS) return keys;
    throw new SallyportError('AUTH_UNAVAILABLE', 'token: the keys of its issuer are not there');
  }

  if (inClearText(url))
    trouble('its keys come over plain HTTP: who stands between can let anybody in');
  void refresh();
  return {
    keys() {
      if (now() - fetchedAt < JWKS_FRESH_MS) return keys!;
      const coming = refresh();
      if (keys !== null && now() - fetchedAt < JWKS_STALE_MAX_MS) return keys;
      return Promise.resolve(coming).then(usable);
    },

    async newer(known) {
      if (keys === known) await refresh();
      return keys === known ? null : keys;
    },

    close: () => ended.abort(),
  };
}
