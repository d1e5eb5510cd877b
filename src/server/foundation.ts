/** What the rest of a server stands on: who may do what and how much of it, and who is told of it. */
import { createGrantPolicy, NO_POLICY } from '../access/policy/grant.ts';
import { createReplaceablePolicy, type ReplaceablePolicy } from '../access/policy/replaceable.ts';
import { quotaOf } from '../access/quota.ts';
import { createQuotas, type Quotas } from '../access/quotas.ts';
import { createEventLog, type EventLog } from '../events/log.ts';
import { EVENTS_KEPT_MAX, PUBLIC_CONNECTIONS_MAX } from '../limits.ts';
import { createConnectionCount, type ConnectionCount } from '../net/connection-count.ts';
import { createAccessLog, type SwitchedAccessLog } from '../observe/access-writer.ts';
import { createLiveStreams, type LiveStreams } from '../registry/live-streams.ts';
import { createAdmission, type Admission } from './admission.ts';
import { createIds } from './ids.ts';
import { openObservation, type Observation } from './observation.ts';
import type { ServerOptions } from './options.ts';
import { settingsOf, type Settings } from './settings.ts';

export interface Foundation {
  readonly settings: Settings;
  readonly events: EventLog;
  readonly admission: Admission;
  readonly policy: ReplaceablePolicy;
  readonly quotas: Quotas;
  /** Those on all public addresses together. */
  readonly connections: ConnectionCount;
  /** The streams that are open. */
  readonly live: LiveStreams;
  readonly observation: Observation;
  /** What the access log writes, without the others who are told of the same. */
  readonly accessLines: SwitchedAccessLog;
  /** An id for a stream or request. */
  newId(): string;
  /** Whether the forwarding fields of this address are believed. */
  trusted(address: string): boolean;
  /** The last to be told of what happens are the sinks of events: resolves when they have taken it. */
  close(): Promise<void>;
}

/** Rejects as `createServer` does, for all that has nothing to do with addresses of the server. */
export async function openFoundation(options: ServerOptions): Promise<Foundation> {
  using opened = new DisposableStack();
  const { log } = options;
  const settings = settingsOf(options);
  const events = createEventLog({
    kept: options.eventsKept ?? EVENTS_KEPT_MAX,
    failed: (error) => log.error({ error }, 'a listener of events failed'),
  });
  const admission = createAdmission(options, { events, log });
  opened.defer(() => admission.close());
  const { authenticators, rules } = admission;
  const quotas = createQuotas({
    ofIdentity: (identity) =>
      quotaOf((authenticators.current(identity) ?? identity).limits, settings.limits),
    ofService: (service) => rules.of(service)?.limits ?? null,
  });
  opened.defer(() => quotas.close());
  const connections = createConnectionCount(options.maxConnections ?? PUBLIC_CONNECTIONS_MAX, () =>
    log.warn({ max: connections.max }, 'connections are refused: there are too many'),
  );
  const policy = createReplaceablePolicy(options.policy ?? createGrantPolicy(NO_POLICY));
  opened.defer(() => policy.close());
  const live = createLiveStreams();
  const accessLines = createAccessLog(options.accessLogger ?? log, options.accessLog ?? true);
  const observation = await openObservation({ ...options, events, live, accessLog: accessLines });
  const everything = opened.move();

  return {
    settings,
    events,
    admission,
    policy,
    quotas,
    connections,
    live,
    observation,
    accessLines,
    newId: createIds(),
    trusted: (address) => settings.trusted(address),
    close() {
      everything.dispose();
      return observation.close();
    },
  };
}
