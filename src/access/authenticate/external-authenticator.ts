/**
 * Asks a service of the operator's about every client that presents an Authorization field. 200 lets
 * it in, 401 and 403 do not; with any other answer, or none in time, it is not known.
 */
import { SallyportError } from '../../errors.ts';
import {
  EXTERNAL_AUTH_BODY_MAX_BYTES,
  EXTERNAL_AUTH_CALLS_MAX,
  EXTERNAL_AUTH_REMEMBERED_MS,
  EXTERNAL_AUTH_TIMEOUT_MS,
} from '../../limits.ts';
import { callHttp, type HttpAnswer } from '../../net/http-call.ts';
import type { Authenticator, Credentials } from '../authenticator.ts';
import { createVouchedIdentity, type Identity, type Grant } from '../identity.ts';
import { ANONYMOUS } from './open-authenticator.ts';
import { hostOf } from './peer-host.ts';
import { keyOf, RecentIdentities } from './recent-identities.ts';
import { inClearText, parseServiceUrl } from './service-url.ts';

export interface ExternalOptions extends Grant {
  readonly type: 'external';
  readonly name: string;
  readonly url: string;
  /** Authorities (PEM) for the URL, instead of the usual ones. */
  readonly ca?: string;
  /** Field of the answer that names the client. Default: `name` in a body of JSON. */
  readonly nameField?: string;
  /** For how long the same question is not asked again after a 200. Default: EXTERNAL_AUTH_REMEMBERED_MS. */
  readonly rememberMs?: number;
}

/** Which service an identity of an authenticator of this kind, and which name, was known by. */
const presented = new WeakMap<Identity, { readonly url: string; readonly holder: string }>();

/** Throws CONFIG_INVALID for an unusable URL, USAGE for a malformed scope. */
export function createExternalAuthenticator(
  options: ExternalOptions,
  trouble: (why: string) => void,
): Authenticator {
  const { type: _type, name, url, ca, nameField, rememberMs, ...grant } = options;
  const remembered = rememberMs ?? EXTERNAL_AUTH_REMEMBERED_MS;
  const target = parseServiceUrl(name, url);
  const recent = new RecentIdentities();
  const own = new WeakSet<Identity>();
  const asked = new Map<string, Promise<Identity | null>>();
  const ended = new AbortController();
  identify('probe'); // a malformed scope is told at the start
  if (inClearText(target))
    trouble('credentials go to it over plain HTTP: who stands between can read them');

  function identify(holder: string): Identity | null {
    const identity = createVouchedIdentity({ ...grant, name: holder, authority: name });
    if (identity !== null) {
      presented.set(identity, { url, holder });
      own.add(identity);
    }
    return identity;
  }

  async function ask(headers: Record<string, string>, key: string): Promise<Identity | null> {
    const answer = await callHttp(target, {
      headers,
      timeoutMs: EXTERNAL_AUTH_TIMEOUT_MS,
      maxBytes: EXTERNAL_AUTH_BODY_MAX_BYTES,
      signal: ended.signal,
      ...(ca === undefined ? {} : { ca }),
    }).catch((thrown: Error) => {
      throw unavailable(thrown.message);
    });
    const { status } = answer;
    if (status === 401 || status === 403) return null;
    if (status !== 200) throw unavailable(`the answer has status ${status}`);
    const identity = identify(nameIn(answer, nameField));
    if (identity === null) throw unavailable('the answer names nobody');
    recent.set(key, identity, Date.now() + remembered);
    return identity;
  }

  function unavailable(why: string): SallyportError {
    trouble(`nobody can be let in by it: ${why}`);
    return new SallyportError('AUTH_UNAVAILABLE', 'credentials: they cannot be checked just now');
  }

  return {
    name,
    schemes: ['Basic', 'Bearer'],

    authenticate(credentials) {
      if (credentials.authorization === null) return null;
      const headers = question(credentials);
      const key = keyOf(Object.values(headers));
      const known = recent.get(key, Date.now());
      if (known !== null) return known;
      const same = asked.get(key);
      if (same !== undefined) return same;
      if (asked.size >= EXTERNAL_AUTH_CALLS_MAX)
        return Promise.reject(unavailable(`${EXTERNAL_AUTH_CALLS_MAX} questions are under way`));
      const answer = ask(headers, key).finally(() => asked.delete(key));
      asked.set(key, answer);
      return answer;
    },

    current(identity) {
      if (own.has(identity)) return identity;
      const before = identity.authority === name ? presented.get(identity) : undefined;
      return before?.url === url ? identify(before.holder) : null;
    },

    close: () => ended.abort(),
  };
}

/** All that the service is told; the same fields every time, so that their values are a key. */
function question(credentials: Credentials): Record<string, string> {
  const { authorization, peer, service, method, host, path } = credentials;
  return {
    Authorization: authorization!,
    'X-Forwarded-For': hostOf(peer),
    'X-Forwarded-Method': method,
    'X-Forwarded-Host': host,
    'X-Forwarded-Uri': path,
    'Sallyport-Service': service ?? '',
  };
}

/** Empty when the answer should name somebody and does not. */
function nameIn(answer: HttpAnswer, field: string | undefined): string {
  if (field !== undefined) return answer.field(field.toLowerCase()) ?? '';
  try {
    const { name = ANONYMOUS } = JSON.parse(answer.body.toString()) as { name?: unknown };
    return typeof name === 'string' ? name : '';
  } catch {
    return ANONYMOUS;
  }
}
