/** One connection of a client to its server: dialled, registered, and serving what the server asks. */
import { asSallyportError, SallyportError } from '../../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS, REVERST_LEAVE_MS } from '../../../limits.ts';
import { formatAddress, type HostPort } from '../../../net/address.ts';
import type { AccessLog } from '../../../observe/access-log.ts';
import type { QuicConnection } from '../../../transport/quic/connection.ts';
import { dialQuic } from '../../../transport/quic/dial.ts';
import { createHttp3Connection, type Http3Connection } from '../http3/connection.ts';
import { QuicStreams } from '../quic-streams.ts';
import { REVERST_PROTOCOL } from '../registration.ts';
import { refusalOf } from './refusal.ts';
import { register } from './register.ts';
import type { RequestTarget } from './request-target.ts';
import { serveExchange } from './target-exchange.ts';

export interface ReverstSessionOptions {
  /** Where the server takes tunnels, over UDP. */
  readonly server: HostPort;
  /** The name that the certificate has to hold. Default: the host. */
  readonly serverName?: string;
  /** PEM of authorities to trust beside the public ones. */
  readonly ca?: string;
  /** Takes whatever certificate the server shows. */
  readonly insecure?: boolean;
  readonly group: string;
  /** Scheme and credentials, as `Basic dXNlcjpwYXNz`; null: none. A secret. */
  readonly authorization: string | null;
  readonly target: RequestTarget;
  /** The connection is lost after so much silence. */
  readonly idleTimeoutMs: number;
  /** Signs of life go out so often. */
  readonly keepAliveMs: number;
  readonly accessLog: AccessLog;
}

export interface ReverstSession {
  /** Resolves with why it ended; null: the server is stopping, or `leave` was called. */
  readonly closed: Promise<SallyportError | null>;
  /** Asks for no more requests, lets running ones finish within the grace time, and closes. */
  leave(graceMs: number): void;
}

/**
 * Resolves when it is registered. Rejects as `dialQuic` does, with AUTH_FAILED, SERVICE_UNKNOWN for a
 * group that the server does not have, and with whatever else the server says.
 */
export async function openReverstSession(
  options: ReverstSessionOptions,
  signal: AbortSignal,
): Promise<ReverstSession> {
  const { server, serverName, ca, insecure, idleTimeoutMs } = options;
  const connection = await dialQuic({
    ...server,
    settings: {
      protocols: [REVERST_PROTOCOL],
      idleTimeoutMs,
      ...(ca !== undefined && { ca }),
      ...(insecure !== undefined && { insecure }),
    },
    ...(serverName !== undefined && { serverName }),
    timeoutMs: HANDSHAKE_TIMEOUT_MS,
    signal,
  });
  const session = new Session(connection, options);
  const given = Promise.withResolvers<never>();
  const abort = (): void => given.reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    if (signal.aborted) abort();
    await Promise.race([session.begin(), given.promise]);
    return session;
  } catch (thrown) {
    session.close(asSallyportError(thrown));
    throw thrown;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

class Session implements ReverstSession {
  readonly closed: Promise<SallyportError | null>;
  readonly #options: ReverstSessionOptions;
  readonly #streams: QuicStreams;
  readonly #peer: string;
  readonly #keepAlive: NodeJS.Timeout;
  #ended!: (error: SallyportError | null) => void;
  #http3: Http3Connection | null = null;
  #leaving: NodeJS.Timeout | null = null;

  constructor(connection: QuicConnection, options: ReverstSessionOptions) {
    this.#options = options;
    this.closed = new Promise((resolve) => (this.#ended = resolve));
    this.#streams = new QuicStreams(connection, (end) => {
      const error = refusalOf(options.group, end);
      this.#finish(error, error ?? stopping(options.server));
    });
    this.#peer = connection.peer.host;
    this.#keepAlive = setInterval(() => connection.keepAlive(), options.keepAliveMs);
  }

  /** Registers, and serves from then on. */
  async begin(): Promise<void> {
    const { group, authorization, target, accessLog, server } = this.#options;
    const refused = this.closed.then((error) => {
      throw error ?? stopping(server);
    });
    await Promise.race([register(this.#streams, group, authorization), refused]);
    const context = { group, target, peer: this.#peer, accessLog };
    this.#http3 = createHttp3Connection({
      session: this.#streams,
      serve: (exchange, head) => serveExchange(exchange, head, context),
      failed: (error) => this.#finish(error, error),
    });
    this.#streams.accept(this.#http3);
  }

  leave(graceMs: number): void {
    if (this.#leaving !== null) return;
    this.#http3!.windDown();
    const latest = performance.now() + graceMs;
    this.#leaving = setInterval(() => {
      if (this.#http3!.active === 0 || performance.now() >= latest) this.close(null);
    }, REVERST_LEAVE_MS);
  }

  /** As originals do: no error to the server, whatever the reason. */
  close(error: SallyportError | null): void {
    this.#finish(error, new SallyportError('SESSION_CLOSED', 'reverst: this client is leaving'));
    this.#streams.close(0, '');
  }

  #finish(error: SallyportError | null, forExchanges: SallyportError): void {
    clearInterval(this.#keepAlive);
    clearInterval(this.#leaving ?? undefined);
    this.#http3?.closed(forExchanges);
    this.#ended(error);
  }
}

function stopping(server: HostPort): SallyportError {
  const why = 'the server is stopping';
  return new SallyportError('SERVER_DRAINING', `reverst ${formatAddress(server)}: ${why}`);
}
