/** Where everybody who comes in says who it is: at the attach door, before a service, at the control API. */
import { SallyportError } from '../../errors.ts';
import type { EventLog } from '../../events/log.ts';
import { AUTHENTICATION_TIMEOUT_MS, AUTHENTICATIONS_MAX } from '../../limits.ts';
import type { Credentials, Scheme } from '../authenticator.ts';
import type { Guesses } from '../guesses.ts';
import type { Identity } from '../identity.ts';
import type { Authenticators } from './authenticators.ts';
import { hostOf } from './peer-host.ts';

export type Door = 'attach' | 'service' | 'control';

export interface Reception {
  /**
   * Who comes in, by one of the named authenticators or by any. Throws, or rejects with, AUTH_REQUIRED
   * when nothing was presented, AUTH_FAILED when that is not good (for both CONSUMER_AUTH before a
   * service), TOO_MANY_GUESSES when too much was tried from that address, AUTH_UNAVAILABLE or SERVER_BUSY
   * when it cannot be found out. A promise is settled within AUTHENTICATION_TIMEOUT_MS.
   */
  admit(
    door: Door,
    credentials: Credentials,
    names?: readonly string[] | null,
  ): Identity | Promise<Identity>;
  /** WWW-Authenticate for a 401. */
  challenge(names?: readonly string[] | null): string;
}

export interface ReceptionOptions {
  readonly authenticators: Authenticators;
  readonly events: EventLog;
  readonly guesses: Guesses;
}

const challenges: Readonly<Record<Scheme, string>> = {
  Basic: 'Basic realm="sallyport", charset="UTF-8"',
  Bearer: 'Bearer realm="sallyport"',
};

export function createReception(options: ReceptionOptions): Reception {
  const { authenticators, events, guesses } = options;
  let waiting = 0;

  function refuse(door: Door, credentials: Credentials, error: SallyportError): SallyportError {
    const { service, peer } = credentials;
    events.publish('auth.failed', { door, service, peer, reason: error.message });
    return error;
  }

  function conclude(door: Door, credentials: Credentials, identity: Identity | null): Identity {
    if (identity !== null) return identity;
    const { authorization, certificate, peer } = credentials;
    const service = door === 'service';
    const place = placeOf(door, credentials);
    if (authorization === null && certificate === null) {
      const why = service ? 'it asks for credentials' : 'no credentials were given';
      throw new SallyportError(service ? 'CONSUMER_AUTH' : 'AUTH_REQUIRED', `${place}: ${why}`);
    }
    // A certificate was verified before it came here: it is no guess.
    if (authorization !== null) guesses.wrong(hostOf(peer));
    const why = `the ${authorization === null ? 'certificate is' : 'credentials are'} not known`;
    const error = new SallyportError(service ? 'CONSUMER_AUTH' : 'AUTH_FAILED', `${place}: ${why}`);
    throw refuse(door, credentials, error);
  }

  async function awaitAnswer(
    door: Door,
    credentials: Credentials,
    answer: Promise<Identity | null>,
  ): Promise<Identity> {
    waiting++;
    const late = Promise.withResolvers<never>();
    const place = placeOf(door, credentials);
    const timer = setTimeout(() => {
      const why = `no authenticator had an answer within ${AUTHENTICATION_TIMEOUT_MS} ms`;
      late.reject(new SallyportError('AUTH_UNAVAILABLE', `${place}: ${why}`));
    }, AUTHENTICATION_TIMEOUT_MS);
    try {
      const identity = await Promise.race([answer, late.promise]).catch(
        (thrown: SallyportError) => {
          throw refuse(door, credentials, thrown);
        },
      );
      return conclude(door, credentials, identity);
    } finally {
      clearTimeout(timer);
      waiting--;
    }
  }

  return {
    admit(door, credentials, names = null) {
      if (credentials.authorization !== null) guesses.check(hostOf(credentials.peer));
      const answer = authenticators.authenticate(credentials, names);
      if (!(answer instanceof Promise)) return conclude(door, credentials, answer);
      if (waiting < AUTHENTICATIONS_MAX) return awaitAnswer(door, credentials, answer);
      answer.catch(() => {});
      const why = `${AUTHENTICATIONS_MAX} clients wait to be known`;
      throw new SallyportError('SERVER_BUSY', `${placeOf(door, credentials)}: ${why}`);
    },

    challenge(names = null) {
      const schemes = authenticators.schemesOf(names);
      // RFC 9110, section 15.5.2: there is at least one, also where a certificate is asked for.
      return (schemes.length === 0 ? ['Bearer' as const] : schemes)
        .map((scheme) => challenges[scheme])
        .join(', ');
    },
  };
}

function placeOf(door: Door, { service }: Credentials): string {
  return door === 'service' ? `service ${service}` : door;
}
