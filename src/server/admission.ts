/** Who comes in, and to which services: the authenticators, and what services ask of their consumers. */
import {
  createAuthenticators,
  type Authenticators,
} from '../access/authenticate/authenticators.ts';
import { createReception, type Reception } from '../access/authenticate/reception.ts';
import { TOKENS } from '../access/identities.ts';
import { createGuesses, type Guesses } from '../access/guesses.ts';
import { createRevocations, type Revocations } from '../access/revocations.ts';
import { SallyportError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import { quoted } from '../net/printable.ts';
import type { Logger } from '../observe/logger.ts';
import { createServiceRules, type ServiceRules } from '../registry/service-rules.ts';
import type { LiveOptions } from './options.ts';

export type AdmissionOptions = Pick<LiveOptions, 'identities' | 'authenticators' | 'services'>;

export interface Admission {
  readonly authenticators: Authenticators;
  readonly reception: Reception;
  readonly rules: ServiceRules;
  /** Shared by all doors. */
  readonly guesses: Guesses;
  readonly revocations: Revocations;
  /** Prepares other options; throws as `createAdmission` does. What it returns takes them over. */
  prepare(next: AdmissionOptions): () => void;
  close(): void;
}

/**
 * Throws CONFIG_INVALID when nobody could come in, for credentials and keys that cannot be used, and
 * for a service that asks for an authenticator that is not there; USAGE for a malformed scope.
 */
export function createAdmission(
  options: AdmissionOptions,
  { events, log }: { readonly events: EventLog; readonly log: Logger },
): Admission {
  const revocations = createRevocations();
  const guesses = createGuesses();
  checkRules(options);
  const authenticators = createAuthenticators(options, {
    revocations,
    trouble: (authenticator, why) => log.warn({ authenticator }, `authenticator: ${why}`),
  });
  const rules = createServiceRules(options.services ?? []);

  return {
    authenticators,
    reception: createReception({ authenticators, events, guesses }),
    rules,
    guesses,
    revocations,
    prepare(next) {
      checkRules(next);
      const replaceAuthenticators = authenticators.prepare(next);
      return () => {
        replaceAuthenticators();
        rules.replace(next.services ?? []);
      };
    },
    close: () => authenticators.close(),
  };
}

function checkRules({ authenticators = [], services = [] }: AdmissionOptions): void {
  const there = new Set([TOKENS, ...authenticators.map(({ name }) => name)]);
  for (const { name, authenticators: asked = [] } of services) {
    const missing = asked.find((one) => !there.has(one));
    if (missing === undefined) continue;
    const why = `it asks for authenticator ${quoted(missing)}, and there is none of that name`;
    throw new SallyportError('CONFIG_INVALID', `services ${quoted(name)}: ${why}`);
  }
}
