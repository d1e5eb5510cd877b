/**
 * Who may register or reach an id, and go on holding it. The protocol itself knows no credentials:
 * whoever presents some that are known has the scopes of its identity, and whoever presents none has
 * the open names.
 */
import type { Credentials } from '../../access/authenticator.ts';
import type { Identity } from '../../access/identity.ts';
import { demand } from '../../access/policy/demand.ts';
import { mayRegister } from '../../access/scopes.ts';
import { SallyportError } from '../../errors.ts';
import type { Peer } from '../../ingress/http/peer.ts';
import { refusalReply } from '../../ingress/http/late-reply.ts';
import type { OwnReply, RequestView } from '../../ingress/http/own-endpoints.ts';
import type { Globs } from '../../net/glob.ts';
import type { DialectHost } from '../dialect.ts';

/** Stands for all of them: open only where a glob lets every id in. */
export const EVERY_ID = '*';

/** A callbackreverse as it is judged. */
export interface Registrant {
  readonly id: string;
  /** `ip:port`. */
  readonly peer: string;
  /** Null: nobody has said who it is. */
  readonly identity: Identity | null;
}

export interface Admission {
  /**
   * The identity of the request, null for nobody where the id is open. Throws, or rejects with,
   * AUTH_REQUIRED, AUTH_FAILED, TOO_MANY_GUESSES or AUTH_UNAVAILABLE.
   */
  admit(request: RequestView, peer: Peer, id: string): Identity | null | Promise<Identity | null>;
  /** Whether it may register the id: throws DENIED, or rejects with it where the policy needs time. */
  permit(registrant: Registrant): Promise<void> | undefined;
  /** What its identity is by now. Throws AUTH_FAILED when its credentials are good no more. */
  recheck(registrant: Registrant): Identity | null;
  /** For a 401. */
  readonly challenge: string;
  /** The reply to who was refused. */
  refuse(thrown: unknown): OwnReply;
}

export function createAdmission(host: DialectHost, open: Globs): Admission {
  const { authenticators, events, policy } = host;
  const challenge = 'Basic realm="callback", charset="UTF-8"';

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

  function conclude(
    identity: Identity | null,
    { authorization, certificate, peer }: Credentials,
    id: string,
  ): Identity | null {
    if (identity !== null || open.match(id)) return identity;
    if (authorization === null && certificate === null)
      throw new SallyportError('AUTH_REQUIRED', `callback ${id}: it is not open to everybody`);
    const reason = `callback ${id}: the credentials are not known`;
    events.publish('auth.failed', { door: 'attach', service: id, peer, reason });
    throw new SallyportError('AUTH_FAILED', reason);
  }

  return {
    challenge,
    refuse: (thrown) => refusalReply(thrown, challenge),

    admit(request, { text: peer, certificate }, id) {
      const { method, host: name, path } = request;
      const authorization = request.field('Authorization');
      const place = { service: id, method, host: name, path };
      const credentials = { authorization, certificate, peer, ...place };
      if (authorization === null && certificate === null) return conclude(null, credentials, id);
      const answer = ask(credentials);
      return answer instanceof Promise
        ? answer.then((identity) => conclude(identity, credentials, id))
        : conclude(answer, credentials, id);
    },

    permit({ id, peer, identity }) {
      const denied = identity === null ? null : mayRegister(identity, { name: id });
      if (denied !== null) throw denied;
      const question = { service: id, target: null, consumer: peer, key: null };
      return demand(policy, { action: 'register', identity, ...question });
    },

    recheck({ id, identity }) {
      if (identity === null) return null;
      for (const authenticator of authenticators) {
        const now = authenticator.current(identity);
        if (now !== null) return now;
      }
      throw new SallyportError(
        'AUTH_FAILED',
        `callback ${id}: the credentials are known no longer`,
      );
    },
  };
}
