/**
 * Who may have a tunnel. Original clients send Basic credentials where their URL holds a user and a
 * password: a name and a token here.
 */
import type { Credentials } from '../../access/authenticator.ts';
import { DIRECT_SERVICE } from '../../access/service-name.ts';
import type { Identity } from '../../access/identity.ts';
import { SallyportError } from '../../errors.ts';
import type { RequestView } from '../../ingress/http/own-endpoints.ts';
import type { Peer } from '../../ingress/http/peer.ts';
import type { DialectHost } from '../dialect.ts';

/** For a 401. */
export const CHALLENGE = 'Basic realm="sokken", charset="UTF-8"';

/**
 * Finds out who sends the request; null for nobody, where those are let in. Throws, or rejects with,
 * AUTH_REQUIRED, AUTH_FAILED, TOO_MANY_GUESSES or AUTH_UNAVAILABLE.
 */
export type Admit = (
  request: RequestView,
  peer: Peer,
) => Identity | null | Promise<Identity | null>;

export function createAdmission(
  { authenticators, events }: Pick<DialectHost, 'authenticators' | 'events'>,
  auth: 'token' | 'none',
): Admit {
  /** Asks one after the other, at once as long as they answer at once. */
  function ask(credentials: Credentials, from = 0): Identity | null | Promise<Identity | null> {
    for (let at = from; at < authenticators.length; at++) {
      const answer = authenticators[at].authenticate(credentials);
      if (answer instanceof Promise)
        return answer.then((identity) => identity ?? ask(credentials, at + 1));
      if (answer !== null) return answer;
    }
    return null;
  }

  function conclude(identity: Identity | null, peer: string): Identity | null {
    if (identity !== null || auth === 'none') return identity;
    const reason = 'sokken: the credentials are not known';
    events.publish('auth.failed', { door: 'attach', service: DIRECT_SERVICE, peer, reason });
    throw new SallyportError('AUTH_FAILED', reason);
  }

  return (request, { text: peer, certificate }) => {
    const authorization = request.field('Authorization');
    if (authorization === null && certificate === null) {
      if (auth === 'none') return null;
      throw new SallyportError('AUTH_REQUIRED', 'sokken: tunnels are not open to everybody');
    }
    const { method, host, path } = request;
    const place = { service: DIRECT_SERVICE, method, host, path };
    const answer = ask({ authorization, certificate, peer, ...place });
    return answer instanceof Promise
      ? answer.then((identity) => conclude(identity, peer))
      : conclude(answer, peer);
  };
}
