/** A service without a target: its requests are answered by a function in this process. */
import { createAllowList } from '../access/allow.ts';
import { hashConsumerPassword } from '../access/consumer-password.ts';
import type { ServiceOffer } from '../attach/messages.ts';
import type { Transport } from '../attach/transport-choice.ts';
import { DRAIN_GRACE_MS, HEARTBEAT_MS } from '../limits.ts';
import { createAccessLog } from '../observe/access-writer.ts';
import { createLogger, type Logger } from '../observe/logger.ts';
import type { WayOut } from '../transport/outgoing/way-out.ts';
import { createAgent } from './agent.ts';
import { createFetchTarget, type FetchHandler } from './fetch-target.ts';

export interface ServeOptions extends Pick<
  ServiceOffer,
  'hosts' | 'path' | 'rendezvousToken' | 'exclusive' | 'balance'
> {
  /** ws, wss, http or https. */
  readonly server: string | URL;
  readonly token: string;
  /** Of the service. */
  readonly name: string;
  readonly fetch: FetchHandler;
  /** `USER:PASS` that consumers must present. Default: nobody is asked. */
  readonly auth?: string;
  /** How to get to the server: proxy, local ports, TLS. Default: directly. */
  readonly wayOut?: WayOut;
  /** What carries the session. Default: auto, WebSocket first. */
  readonly transport?: Transport | 'auto';
  /** Program and version, told to the server. Default: `sallyport`. */
  readonly program?: string;
  /** Time between signs of life; a connection silent for twice as long is dead. Default: 5 s. */
  readonly heartbeatMs?: number;
  /** How long requests may go on after `close`. Default: 30 s. */
  readonly drainGraceMs?: number;
  /** Go on even after errors that dialling again cannot mend. Default: false. */
  readonly keepTrying?: boolean;
  /** Told what the handler throws, lost connections, and at `info` each stream. Default: warnings to stderr. */
  readonly log?: Logger;
  /** Ends it, as `close` does; before it is registered, too. */
  readonly signal?: AbortSignal;
}

export interface Served {
  /** Where the service is reached. They stay the same after a reconnect where the server stays the same. */
  readonly urls: readonly string[];
  /** Attached and registered right now. */
  readonly ready: boolean;
  /** Resolves when it was closed; rejects with the error that dialling again cannot mend. */
  readonly closed: Promise<void>;
  /** Takes no new requests, lets running ones finish within the grace time, and leaves. */
  close(): Promise<void>;
}

/**
 * Offers an HTTP service and answers its requests by `fetch`, attached for ever. Resolves when it is
 * registered for the first time, which may take until there is a server; rejects with the error that
 * dialling again cannot mend, such as AUTH_FAILED, and with the reason of the signal when that fires
 * before.
 */
export async function serve(options: ServeOptions): Promise<Served> {
  const { log = createLogger({ level: 'warn', format: 'auto' }), fetch, auth, signal } = options;
  const { name, hosts, path, rendezvousToken, exclusive, balance } = options;
  const target = createFetchTarget(fetch, (err) =>
    log.error({ service: name, err }, 'the fetch handler failed'),
  );
  const offer: ServiceOffer = {
    name,
    kind: 'http',
    ...(hosts !== undefined && { hosts }),
    ...(path !== undefined && { path }),
    ...(rendezvousToken !== undefined && { rendezvousToken }),
    ...(exclusive !== undefined && { exclusive }),
    ...(balance !== undefined && { balance }),
    ...(auth !== undefined && { consumerAuth: hashConsumerPassword(auth) }),
  };
  const stop = new AbortController();
  const until = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  const registered = Promise.withResolvers<void>();
  let urls: readonly string[] = [];
  const agent = createAgent({
    server: new URL(options.server),
    token: options.token,
    ...(options.wayOut !== undefined && { wayOut: options.wayOut }),
    ...(options.transport !== undefined && { transport: options.transport }),
    services: [{ offer, target, allow: createAllowList([]), insecureTarget: false }],
    program: options.program ?? 'sallyport',
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    keepTrying: options.keepTrying ?? false,
    drainGraceMs: options.drainGraceMs ?? DRAIN_GRACE_MS,
    accessLog: createAccessLog(log, true),
    events: {
      registered: (_service, assigned) => (urls = assigned.urls),
      ready: registered.resolve,
      withdrawn: (_service, err) => log.warn({ service: name, err }, 'withdrawn'),
      lost: (err, waitMs) => log.warn({ service: name, err, waitMs }, 'not connected'),
    },
  });
  const closed = agent.run(until);
  // Whoever does not ask how it ended is not to fail by it.
  closed.catch(() => {});
  await Promise.race([registered.promise, closed]);
  signal?.throwIfAborted();
  return {
    get urls() {
      return urls;
    },
    get ready() {
      return agent.ready;
    },
    closed,
    close() {
      stop.abort();
      return closed;
    },
  };
}
