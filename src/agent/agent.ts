/** An agent: attached to a server for ever, it offers services and dials their targets. */
import { randomUUID } from 'node:crypto';
import { createClientHeartbeats } from '../attach/client-heartbeats.ts';
import { openClientSession, type ClientSession } from '../attach/client-session.ts';
import { keepAttached } from '../attach/keep-attached.ts';
import type { Registered } from '../attach/messages.ts';
import { createDialler, type Transport } from '../attach/transport-choice.ts';
import type { SallyportError } from '../errors.ts';
import { GO_AWAY_HEARD_MS } from '../limits.ts';
import type { AccessLog } from '../observe/access-log.ts';
import { drained } from '../session/drain.ts';
import type { WayOut } from '../transport/outgoing/way-out.ts';
import { receiveStream } from './incoming-stream.ts';
import type { AgentService } from './service.ts';

export interface AgentOptions {
  /** ws, wss, http or https. */
  server: URL;
  token: string;
  /** How to get to the server: proxy, local ports, TLS. Default: directly. */
  wayOut?: WayOut;
  /** What carries the session. Default: auto, WebSocket first. */
  transport?: Transport | 'auto';
  services: readonly AgentService[];
  /** Program and version, told to the server. */
  program: string;
  /** Time between signs of life; a connection silent for twice as long is dead. */
  heartbeatMs: number;
  /** Go on even after errors that dialling again cannot mend. */
  keepTrying: boolean;
  /** How long running streams may go on after `signal` fired. */
  drainGraceMs: number;
  /** Mask with random keys even on loopback and inside TLS. */
  randomMask?: boolean;
  accessLog: AccessLog;
  events: AgentEvents;
}

/** What an agent tells its owner. */
export interface AgentEvents {
  /** The server assigned the service its addresses. Called again after each reconnect. */
  registered(service: AgentService, assigned: Registered): void;
  /** Attached, and all services are registered. */
  ready(): void;
  /** The server took the service back; it stays so until the next reconnect. */
  withdrawn?(service: AgentService, error: SallyportError): void;
  /** Another transport than the last one is used, because that one did not get through. */
  chose?(transport: Transport, why: SallyportError | null): void;
  /** Not attached; the next attempt follows in `waitMs`. */
  lost(error: SallyportError | null, waitMs: number): void;
}

export interface Agent {
  /**
   * Runs until `signal` fires, then takes no new streams and lets running ones finish within the
   * grace time. Rejects with the error that dialling again cannot mend, the one that took the last
   * service back among them.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Attached and registered right now. */
  readonly ready: boolean;
}

/** Nothing is dialled before `run`. */
export function createAgent(options: AgentOptions): Agent {
  const { services, events, server, token, program } = options;
  const byName = new Map(services.map((service) => [service.offer.name, service]));
  const context = { service: (name: string) => byName.get(name), accessLog: options.accessLog };
  const instance = randomUUID();
  const dialler = createDialler(options.transport ?? 'auto', events);
  let epoch = 0;
  let ready = false;

  async function run(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const heartbeats = createClientHeartbeats(options.heartbeatMs);
    /** The present one, and those of servers that are going away, while their streams run. */
    const sessions = new Set<ClientSession>();
    const ended = new AbortController();
    const leave = (): void => {
      void leaveSessions([...sessions], services, options.drainGraceMs).then(() => ended.abort());
    };
    signal.addEventListener('abort', leave);
    try {
      await keepAttached({
        async open(ending) {
          const left = new Set(byName.keys());
          const dial = {
            url: server,
            token,
            program,
            signal: ending,
            ...(options.wayOut === undefined ? {} : { wayOut: options.wayOut }),
            ...(options.randomMask === undefined ? {} : { randomMask: options.randomMask }),
          };
          const session = await dialler.dial(dial, (link) =>
            openClientSession(link, {
              hello: { role: 'agent', instance, epoch: ++epoch, program, features: [] },
              heartbeat: heartbeats.of(link),
              accept: (stream) => receiveStream(stream, context),
              withdrawn(name, error) {
                ready = false;
                left.delete(name);
                events.withdrawn?.(byName.get(name)!, error);
                if (left.size === 0) session.session.close(error);
              },
              signal: ending,
            }),
          );
          return session;
        },
        async attached(session) {
          sessions.add(session);
          void session.closed.then(() => sessions.delete(session));
          const register = async (service: AgentService): Promise<void> =>
            events.registered(service, await session.register(service.offer));
          await Promise.all(services.map(register));
          ready = true;
          events.ready();
        },
        lost(error, waitMs) {
          ready = false;
          dialler.lost(error);
          events.lost(error, waitMs);
        },
        keepTrying: options.keepTrying,
        signal: ended.signal,
      });
    } finally {
      ready = false;
      signal.removeEventListener('abort', leave);
      for (const session of sessions) session.close();
      heartbeats.close();
    }
  }

  return {
    run,
    get ready() {
      return ready;
    },
  };
}

/**
 * Takes no new streams, waits for the running ones, then closes. What servers sent before they heard
 * of it is served: handlers end connections that rest only when nothing can be on its way to them.
 * The control streams are not work.
 */
async function leaveSessions(
  sessions: readonly ClientSession[],
  services: readonly AgentService[],
  graceMs: number,
): Promise<void> {
  for (const { session } of sessions) session.goAway();
  const unheard = (): number => sessions.filter(({ session }) => !session.refusing).length;
  await drained(unheard, Math.min(graceMs, GO_AWAY_HEARD_MS));
  for (const { target } of services) if (target.kind === 'handler') target.drain?.();
  const running = (): number =>
    sessions.reduce((sum, { session }) => sum + Math.max(0, session.streams - 1), 0);
  await drained(running, graceMs);
  for (const session of sessions) session.close();
}
