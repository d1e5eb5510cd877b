/** Who may connect as a gateway, and go on as one: by its key, the scopes of that, and the policy. */
import type { Identity } from '../../access/identity.ts';
import { demand } from '../../access/policy/demand.ts';
import { mayRegister } from '../../access/scopes.ts';
import { isServiceName } from '../../access/service-name.ts';
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';
import type { DialectHost } from '../dialect.ts';
import type { Handshake } from './messages.ts';

/** A gateway as it is judged. */
export interface Applicant {
  readonly name: string;
  /** `ip:port`. */
  readonly peer: string;
  /** Null: nobody is asked for a key. */
  identity: Identity | null;
}

export interface Admission {
  /**
   * Finds out who it is. Rejects with NAME_INVALID, AUTH_REQUIRED, AUTH_FAILED, AUTH_UNAVAILABLE or
   * DENIED.
   */
  admit(applicant: Applicant, handshake: Handshake): Promise<void>;
  /** Throws AUTH_FAILED or DENIED when its key is good no more, or not for its name. */
  recheck(applicant: Applicant): void;
  /** Asks the policy: throws, or rejects with, DENIED. */
  permit(applicant: Applicant): Promise<void> | undefined;
}

export function createAdmission(host: DialectHost, auth: 'key' | 'none'): Admission {
  const { authenticators, events, policy } = host;

  /** Throws AUTH_FAILED, or AUTH_REQUIRED without a key. */
  async function identify({ name, peer }: Applicant, key: string): Promise<Identity> {
    const authorization = key === '' ? null : `Bearer ${key}`;
    const place = { service: null, method: 'GET', host: '', path: '/' };
    const credentials = { authorization, certificate: null, peer, ...place };
    for (const authenticator of authenticators) {
      const identity = await authenticator.authenticate(credentials);
      if (identity !== null) return identity;
    }
    const reason = `gateway ${name}: ${key === '' ? 'no key was given' : 'the key is not known'}`;
    if (key !== '') events.publish('auth.failed', { door: 'attach', service: null, peer, reason });
    throw new SallyportError(key === '' ? 'AUTH_REQUIRED' : 'AUTH_FAILED', reason);
  }

  function demandScope(identity: Identity, name: string): void {
    const denied = mayRegister(identity, { name });
    if (denied !== null) throw denied;
  }

  function permit({ identity, name, peer }: Applicant): Promise<void> | undefined {
    const question = { service: name, target: null, consumer: peer, key: null };
    return demand(policy, { action: 'register', identity, ...question });
  }

  return {
    async admit(applicant, { name, key }) {
      if (!isServiceName(name)) {
        const why = 'names take letters, digits, dot, underscore and hyphen, 1 to 128 of them';
        throw new SallyportError('NAME_INVALID', `gateway ${quoted(name)}: ${why}`);
      }
      if (auth === 'key') {
        applicant.identity = await identify(applicant, key);
        demandScope(applicant.identity, name);
      }
      await permit(applicant);
    },

    recheck(applicant) {
      const { identity, name } = applicant;
      if (identity === null) return;
      const now = authenticators.map((one) => one.current(identity)).find((one) => one !== null);
      if (now === undefined)
        throw new SallyportError('AUTH_FAILED', `gateway ${name}: the key is no longer known`);
      demandScope(now, name);
      applicant.identity = now;
    },

    permit,
  };
}
