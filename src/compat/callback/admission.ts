/**
 * Who may register or reach an id. The protocol itself knows no credentials: whoever presents some
 * that are known has the scopes of its identity, and whoever presents none has the open names.
 */
import type { Authenticator } from '../../access/authenticator.ts';
import type { Identity } from '../../access/identity.ts';
import { SallyportError } from '../../errors.ts';
import type { Peer } from '../../ingress/http/peer.ts';
import { refusalReply } from '../../ingress/http/late-reply.ts';
import type { OwnReply, RequestView } from '../../ingress/http/own-endpoints.ts';
import type { Globs } from '../../net/glob.ts';

/** Stands for all of them: open only where a glob lets every id in. */
export const EVERY_ID = '*';

export interface Admission {
  /**
   * The identity of the request, null for nobody where the id is open. Throws, or rejects with,
   * AUTH_REQUIRED, AUTH_FAILED or AUTH_UNAVAILABLE.
   */
  admit(request: RequestView, peer: Peer, id: string): Identity | null | Promise<Identity | null>;
  /** For a 401. */
  readonly challenge: string | null;
  /** The reply to who was refused. */
  refuse(thrown: unknown): OwnReply;
}

export function createAdmission(authenticators: readonly Authenticator[], open: Globs): Admission {
  /** Asks one after the other, at once as long as they answer at once. */
  function ask(
    from: number,
    credentials: Parameters<Authenticator['authenticate']>[0],
  ): Identity | null | Promise<Identity | null> {
    for (let at = from; at < authenticators.length; at++) {
      const answer = authenticators[at].authenticate(credentials);
      if (answer instanceof Promise)
        return answer.then((identity) => identity ?? ask(at + 1, credentials));
      if (answer !== null) return answer;
    }
    return null;
  }

  const challenge = 'Basic realm="callback", charset="UTF-8"';

  return {
    challenge,
    refuse: (thrown) => refusalReply(thrown, challenge),
    admit(request, peer, id) {
      const authorization = request.field('Authorization');
      const judge = (identity: Identity | null): Identity | null => {
        if (identity !== null || open.match(id)) return identity;
        throw authorization === null
          ? new SallyportError('AUTH_REQUIRED', `callback ${id}: it is not open to everybody`)
          : new SallyportError('AUTH_FAILED', `callback ${id}: the credentials are not known`);
      };
      if (authorization === null) return judge(null);
      const { method, host, path } = request;
      const answer = ask(0, {
        authorization,
        certificate: null,
        peer: peer.text,
        service: id,
        method,
        host,
        path,
      });
      return answer instanceof Promise ? answer.then(judge) : judge(answer);
    },
  };
}
