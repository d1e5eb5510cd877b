/** All attached clients of the server: ghosts replaced, services registered, drained at the end. */
import type { Identity } from '../access/identity.ts';
import type { Lease, Quotas } from '../access/quotas.ts';
import { receiveConsumerStream } from '../attach/consumer-stream.ts';
import { failureOf } from '../attach/messages.ts';
import { ServerSession, type SessionHost } from '../attach/server-session.ts';
import { asSallyportError, SallyportError } from '../errors.ts';
import { SERVICE_NAME_MAX_CHARS, SESSIONS_MAX } from '../limits.ts';
import { printable, quoted } from '../net/printable.ts';
import type { ClientEvent } from '../events/event.ts';
import type { EventLog } from '../events/log.ts';
import type { AccessLog } from '../observe/access-log.ts';
import type { Logger } from '../observe/logger.ts';
import type { Gate } from '../registry/gate.ts';
import { createHeartbeat } from '../session/heartbeat.ts';
import type { Link } from '../transport/link.ts';
import type { Registrar } from './registrar.ts';

export interface SessionsOptions {
  program: string;
  heartbeatMs: number;
  gate: Gate;
  registrar: Registrar;
  /** Limits of sessions. Absent: there are none. */
  quotas?: Pick<Quotas, 'session'>;
  events: EventLog;
  accessLog: AccessLog;
  log: Logger;
  newId(): string;
  /** A session ended before its client said hello. */
  unheard?(): void;
}

export interface Sessions {
  /** Null, or why no further client can be taken now. */
  full(): SallyportError | null;
  /** A link whose client was authenticated at the door. */
  attach(link: Link, identity: Identity, peer: string): void;
  /** Ends the session of a displaced upstream. */
  displace(upstreamId: string, error: SallyportError): void;
  /** Those that have not said hello yet, too. */
  all(): Iterable<ServerSession>;
  /** Those that said hello, oldest first. */
  list(): ServerSession[];
  /** Ends the session of that id; its client is told the error. False when there is none. */
  kick(id: string, error: SallyportError): boolean;
  /** Streams open now, in all sessions, without the control streams. */
  readonly streams: number;
  readonly count: number;
  /** Tells every client to dial again; no new streams, and no new services. */
  drain(): void;
  close(error: SallyportError | null): void;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { gate, registrar, events, accessLog, log, newId } = options;
  // Clients ask after 1: a server has thousands of sessions, and hears of each by its questions.
  const heartbeat = createHeartbeat(options.heartbeatMs, 2);
  const sessions = new Map<string, ServerSession>();
  const instances = new Map<string, ServerSession>();
  /** Those whose hello was accepted. */
  const up = new Set<ServerSession>();
  /** What each takes of its quota. */
  const leases = new Map<ServerSession, Lease>();
  let lastId = 0;
  let draining = false;

  /** Answers the error, which is an event now. */
  function refused(session: ServerSession, name: string, error: SallyportError): SallyportError {
    const { code, message } = failureOf(error);
    events.publish('service.refused', {
      service: printable(name.slice(0, SERVICE_NAME_MAX_CHARS)),
      session: session.id,
      identity: session.identity.name,
      code,
      reason: message,
    });
    return error;
  }

  const host: SessionHost = {
    program: options.program,
    heartbeat,

    attached(session) {
      const key = instanceKey(session);
      const other = instances.get(key);
      if (other !== undefined && other.hello!.epoch >= session.hello!.epoch) {
        throw new SallyportError(
          'REPLACED',
          'hello: a newer connection of this instance is attached',
        );
      }
      instances.set(key, session);
      other?.session.close(
        new SallyportError('REPLACED', 'session: replaced by a newer connection of the same agent'),
      );
      // After its ghost has left: coming back is nothing more than was there before.
      const lease = options.quotas?.session(session.identity);
      if (lease !== undefined) leases.set(session, lease);
      up.add(session);
      events.publish('client.up', described(session));
      const { role, program } = session.hello!;
      log.info(
        { session: session.id, role, identity: session.identity.name, peer: session.peer, program },
        'attached',
      );
    },

    async register(session, service) {
      if (draining) {
        const why = 'the server is shutting down';
        throw new SallyportError('SERVER_DRAINING', `service ${quoted(service.name)}: ${why}`);
      }
      const assigned = await registrar.register(session, service).catch((thrown: unknown) => {
        throw refused(session, service.name, asSallyportError(thrown));
      });
      log.info(
        { session: session.id, service: service.name, kind: service.kind, urls: assigned.urls },
        'registered',
      );
      return assigned;
    },

    unregister(session, name) {
      registrar.unregister(session, name);
      log.info({ session: session.id, service: name }, 'unregistered');
    },

    accept(session, stream) {
      const { identity, peer } = session;
      return receiveConsumerStream(stream, { identity, peer, gate, accessLog, newId });
    },

    left: (session) => registrar.leave(session),

    detached(session, error) {
      sessions.delete(session.id);
      if (session.hello === null) options.unheard?.();
      leases.get(session)?.release();
      leases.delete(session);
      const key = session.hello === null ? null : instanceKey(session);
      if (key !== null && instances.get(key) === session) instances.delete(key);
      if (up.delete(session)) {
        events.publish('client.down', { ...described(session), reason: error?.code ?? 'ok' });
      }
      const why = error === null ? {} : { code: error.code, error: error.message };
      log.info(
        { session: session.id, identity: session.identity.name, peer: session.peer, ...why },
        'detached',
      );
    },
  };

  return {
    full: () =>
      sessions.size < SESSIONS_MAX
        ? null
        : new SallyportError('SERVER_BUSY', `attach: ${SESSIONS_MAX} clients are attached`),

    attach(link, identity, peer) {
      const id = `s${++lastId}`;
      sessions.set(id, new ServerSession(id, link, identity, peer, host));
    },

    displace: (upstreamId, error) => sessions.get(upstreamId)?.session.close(error),

    all: () => sessions.values(),

    list: () => [...sessions.values()].filter(({ hello }) => hello !== null),

    kick(id, error) {
      const found = sessions.get(id);
      found?.session.close(error);
      return found !== undefined;
    },

    get streams() {
      let streams = 0;
      for (const { session } of sessions.values()) streams += Math.max(0, session.streams - 1);
      return streams;
    },

    get count() {
      return sessions.size;
    },

    drain() {
      draining = true;
      for (const session of sessions.values()) session.drain();
    },

    close(error) {
      heartbeat.close();
      for (const { session } of sessions.values()) session.close(error);
    },
  };
}

function described({ id, identity, peer, hello }: ServerSession): ClientEvent {
  const { role } = hello!;
  return { session: id, role, identity: identity.name, peer, protocol: 'sallyport' };
}

function instanceKey({ identity, hello }: ServerSession): string {
  return `${identity.name}\n${hello!.instance}`;
}
