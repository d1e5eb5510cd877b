/**
 * The authenticators as doors get them that ask on their own: whoever guesses waits, and is nobody
 * until then.
 */
import type { Authenticator } from '../authenticator.ts';
import type { Guesses } from '../guesses.ts';
import type { Identity } from '../identity.ts';
import { hostOf } from './peer-host.ts';

export function guarded(authenticator: Authenticator, guesses: Guesses): Authenticator {
  const { name } = authenticator;
  return {
    name,
    get schemes() {
      return authenticator.schemes;
    },
    authenticate(credentials) {
      if (credentials.authorization === null) return authenticator.authenticate(credentials);
      const host = hostOf(credentials.peer);
      if (waits(guesses, host)) return null;
      const note = (identity: Identity | null): Identity | null => {
        if (identity === null) guesses.wrong(host);
        return identity;
      };
      const answer = authenticator.authenticate(credentials);
      return answer instanceof Promise ? answer.then(note) : note(answer);
    },
    current: (identity) => authenticator.current(identity),
    close() {},
  };
}

function waits(guesses: Guesses, host: string): boolean {
  try {
    guesses.check(host);
    return false;
  } catch {
    return true;
  }
}
