/** How each option is taken over that can change while the server runs. */
import { createGrantPolicy, NO_POLICY } from '../access/policy/grant.ts';
import type { ReplaceablePolicy } from '../access/policy/replaceable.ts';
import type { Quotas } from '../access/quotas.ts';
import { PUBLIC_CONNECTIONS_MAX } from '../limits.ts';
import type { ConnectionCount } from '../net/connection-count.ts';
import type { SwitchedAccessLog } from '../observe/access-writer.ts';
import type { Admission } from './admission.ts';
import type { ExpectedServices } from './expected-services.ts';
import type { LiveOptions } from './options.ts';
import type { PublicListener } from './public-listener.ts';
import type { Preparations } from './reload.ts';
import { settingsOf, type Settings } from './settings.ts';

/** The parts of a server that have something to take over. */
export interface LiveParts {
  readonly settings: Settings;
  readonly admission: Pick<Admission, 'prepare'>;
  readonly expected: Pick<ExpectedServices, 'replace'>;
  readonly quotas: Pick<Quotas, 'refresh'>;
  readonly policy: ReplaceablePolicy;
  readonly connections: Pick<ConnectionCount, 'max'>;
  /** With the certificate of the server. */
  readonly listeners: readonly Pick<PublicListener, 'prepare'>[];
  readonly accessLines: SwitchedAccessLog;
}

export function createPreparations(parts: LiveParts): Preparations {
  const { settings, quotas, listeners } = parts;

  function admission(next: LiveOptions): () => void {
    const takeOver = parts.admission.prepare(next);
    return () => {
      takeOver();
      parts.expected.replace(next.services ?? []);
      quotas.refresh();
    };
  }

  function plain(next: LiveOptions): () => void {
    const made = settingsOf(next);
    return () => {
      Object.assign(settings, made);
      quotas.refresh();
    };
  }

  return {
    identities: admission,
    authenticators: admission,
    services: admission,
    limits: plain,
    trustedProxies: plain,
    balance: plain,
    drainGraceMs: plain,
    policy({ policy = createGrantPolicy(NO_POLICY) }) {
      return () => parts.policy.replace(policy);
    },
    maxConnections({ maxConnections = PUBLIC_CONNECTIONS_MAX }) {
      return () => void (parts.connections.max = maxConnections);
    },
    accessLog({ accessLog = true }) {
      return () => void (parts.accessLines.enabled = accessLog);
    },
    tls({ tls }) {
      const uses = listeners.map((listener) => listener.prepare(tls));
      return () => uses.forEach((use) => use());
    },
  };
}
