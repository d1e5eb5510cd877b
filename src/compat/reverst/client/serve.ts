/** Requests of a group of reverst, answered by a function in this process or by a server beside it. */
import { createFetchTarget, type FetchHandler } from '../../../agent/fetch-target.ts';
import type { Served } from '../../../agent/serve.ts';
import type { HandlerTarget } from '../../../agent/service.ts';
import { DRAIN_GRACE_MS, REVERST_IDLE_TIMEOUT_MS, REVERST_KEEP_ALIVE_MS } from '../../../limits.ts';
import { parseDialAddress } from '../../../net/address.ts';
import { parseTarget, type Target } from '../../../net/target.ts';
import { createAccessLog } from '../../../observe/access-writer.ts';
import { createLogger, type Logger } from '../../../observe/logger.ts';
import { createReverstClient } from './client.ts';
import { authorizationOf, type ReverstCredentials } from './credentials.ts';
import { createRequestTarget } from './request-target.ts';

export type ReverstServeOptions = ReverstServeCommon & (ServedByFetch | ServedByTarget);

interface ReverstServeCommon {
  /** `HOST:PORT` where the server takes tunnels, over UDP: one of reverst, or of Sallyport. */
  readonly quic: string;
  /** What the server's groups file calls the group. Its hosts are the server's business. */
  readonly group: string;
  /** Default: none, for a group that asks for none. */
  readonly auth?: ReverstCredentials;
  /** The name that the server's certificate has to hold. Default: the host. */
  readonly serverName?: string;
  /** PEM of authorities to trust beside the public ones. */
  readonly ca?: string;
  /** Takes whatever certificate the server shows. Default: false. */
  readonly insecure?: boolean;
  /** The connection is lost after so much silence. Default: 60 s. */
  readonly idleTimeoutMs?: number;
  /** Time between signs of life, at most 20 s and half of the idle time. Default: 30 s. */
  readonly keepAliveMs?: number;
  /** How long requests may go on after `close`. Default: 30 s. */
  readonly drainGraceMs?: number;
  /** Go on even after errors that dialling again cannot mend. Default: false. */
  readonly keepTrying?: boolean;
  /** Told what the handler throws, lost connections, and at `info` each request. Default: warnings to stderr. */
  readonly log?: Logger;
  /** Ends it, as `close` does; before it is registered, too. */
  readonly signal?: AbortSignal;
}

interface ServedByFetch {
  readonly fetch: FetchHandler;
  readonly target?: never;
  readonly insecureTarget?: never;
}

interface ServedByTarget {
  /** As an agent takes it: `http://HOST:PORT`, `https://HOST`, `unix:/PATH`, a port of this machine. */
  readonly target: string | Target;
  /** Do not check the certificate of an https target. Default: false. */
  readonly insecureTarget?: boolean;
  readonly fetch?: never;
}

/** Where requests come from is the server's business: it has no URLs to tell. */
export type ServedGroup = Omit<Served, 'urls'>;

/**
 * Registers with the group and serves its requests, for ever. Resolves when it is registered for the
 * first time, which may take until there is a server, and a group; rejects with the error that dialling
 * again cannot mend, such as AUTH_FAILED, and with the reason of the signal when that fires before.
 */
export async function serveReverst(options: ReverstServeOptions): Promise<ServedGroup> {
  const { log = createLogger({ level: 'warn', format: 'auto' }), group, auth, signal } = options;
  const { serverName, ca, insecure } = options;
  const stop = new AbortController();
  const until = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  const registered = Promise.withResolvers<void>();
  const client = createReverstClient({
    server: parseDialAddress(options.quic, 'quic'),
    ...(serverName !== undefined && { serverName }),
    ...(ca !== undefined && { ca }),
    ...(insecure !== undefined && { insecure }),
    group,
    authorization: auth === undefined ? null : authorizationOf(auth),
    target: createRequestTarget(targetOf(options, log), options.insecureTarget ?? false),
    idleTimeoutMs: options.idleTimeoutMs ?? REVERST_IDLE_TIMEOUT_MS,
    keepAliveMs: options.keepAliveMs ?? REVERST_KEEP_ALIVE_MS,
    keepTrying: options.keepTrying ?? false,
    drainGraceMs: options.drainGraceMs ?? DRAIN_GRACE_MS,
    accessLog: createAccessLog(log, true),
    events: {
      registered: registered.resolve,
      lost(err, waitMs, again) {
        if (!again) log.warn({ group, err, waitMs }, 'not connected');
      },
    },
  });
  const closed = client.run(until);
  // Whoever does not ask how it ended is not to fail by it.
  closed.catch(() => {});
  await Promise.race([registered.promise, closed]);
  signal?.throwIfAborted();
  return {
    get ready() {
      return client.ready;
    },
    closed,
    close() {
      stop.abort();
      return closed;
    },
  };
}

function targetOf(options: ReverstServeOptions, log: Logger): Target | HandlerTarget {
  const { fetch, target, group } = options;
  if (fetch !== undefined)
    return createFetchTarget(fetch, (err) => log.error({ group, err }, 'the fetch handler failed'));
  return typeof target === 'string' ? parseTarget(target) : target;
}
