/** A consumer: attached to a server, it opens streams to services. */
import { randomUUID } from 'node:crypto';
import { createClientHeartbeats } from '../attach/client-heartbeats.ts';
import { openClientSession, type ClientSession } from '../attach/client-session.ts';
import { keepAttached } from '../attach/keep-attached.ts';
import { openStream } from '../attach/stream-head.ts';
import { createDialler, type Transport } from '../attach/transport-choice.ts';
import { SallyportError } from '../errors.ts';
import type { UpstreamReceiver } from '../registry/upstream.ts';
import type { Stream, StreamReceiver } from '../session/session.ts';
import type { WayOut } from '../transport/outgoing/way-out.ts';

export interface ConsumerOptions {
  /** ws, wss, http or https. */
  server: URL;
  token: string;
  /** How to get to the server: proxy, local ports, TLS. Default: directly. */
  wayOut?: WayOut;
  /** What carries the session. Default: auto, WebSocket first. */
  transport?: Transport | 'auto';
  /** Program and version, told to the server. */
  program: string;
  /** Time between signs of life; a connection silent for twice as long is dead. */
  heartbeatMs: number;
  /** Another transport than the last one is used, because that one did not get through. */
  chose?: (transport: Transport, why: SallyportError | null) => void;
  /** Mask with random keys even on loopback and inside TLS. */
  randomMask?: boolean;
}

/** What is wanted of a service. */
export interface Wish {
  service: string;
  /** `host:port` that the agent is to dial instead of the service's own target. */
  target?: string;
  key?: string;
}

export interface Consumer {
  /** Opens a stream. Throws SERVER_UNREACHABLE while not attached. A refusal arrives as `receiver.reset`. */
  open(wish: Wish, receiver: UpstreamReceiver): Stream;
  /** Attaches once. Rejects with why it could not be; afterwards `closed` tells of the end. */
  attach(signal: AbortSignal): Promise<void>;
  /** Resolves when the session that `attach` made is over: null after a clean end. Read it after `attach`. */
  readonly closed: Promise<SallyportError | null>;
  /** Attaches, and again whenever the session ends, until `signal` fires. Rejects with a fatal error. */
  stayAttached(options: StayOptions): Promise<void>;
  /** Ends the session, and with it every stream of this consumer at once. */
  close(): void;
}

export interface StayOptions {
  /** Attached: `open` works. Called again after each reconnect. */
  attached(): void;
  /** Not attached; the next attempt follows in `waitMs`. */
  lost(error: SallyportError | null, waitMs: number): void;
  /** Go on even after errors that dialling again cannot mend. */
  keepTrying: boolean;
  signal: AbortSignal;
}

/** Nothing is dialled before `attach` or `stayAttached`. Its owner closes it. */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { server, token, program } = options;
  const instance = randomUUID();
  const { chose } = options;
  const dialler = createDialler(options.transport ?? 'auto', chose === undefined ? {} : { chose });
  const heartbeats = createClientHeartbeats(options.heartbeatMs);
  /** The present one, and those of servers that are going away, while their streams run. */
  const sessions = new Set<ClientSession>();
  let current: ClientSession | null = null;
  let epoch = 0;
  let streams = 0;

  async function open(signal: AbortSignal): Promise<ClientSession> {
    const dial = {
      url: server,
      token,
      program,
      signal,
      ...(options.wayOut === undefined ? {} : { wayOut: options.wayOut }),
      ...(options.randomMask === undefined ? {} : { randomMask: options.randomMask }),
    };
    const session = await dialler.dial(dial, (link) =>
      openClientSession(link, {
        hello: { role: 'consumer', instance, epoch: ++epoch, program, features: [] },
        heartbeat: heartbeats.of(link),
        accept: refuse,
        signal,
      }),
    );
    sessions.add(session);
    void session.closed.then(() => sessions.delete(session));
    return session;
  }

  return {
    open(wish, receiver) {
      if (current === null) {
        throw new SallyportError(
          'SERVER_UNREACHABLE',
          `service ${wish.service}: not attached to ${server.host}`,
        );
      }
      const request = { ...wish, kind: 'tcp' as const, consumer: '-', id: `c${++streams}` };
      return openStream(current.session, request, receiver);
    },
    async attach(signal) {
      current = await open(signal);
    },
    get closed() {
      return current!.closed;
    },
    stayAttached: (stay) =>
      keepAttached({
        open,
        async attached(session) {
          current = session;
          stay.attached();
        },
        lost(error, waitMs) {
          current = null;
          dialler.lost(error);
          stay.lost(error, waitMs);
        },
        keepTrying: stay.keepTrying,
        signal: stay.signal,
      }),
    close() {
      for (const session of sessions) session.close();
      heartbeats.close();
    },
  };
}

/** A server opens no streams towards a consumer. */
function refuse(stream: Stream): StreamReceiver {
  stream.reset();
  return { data() {}, finished() {}, reset() {}, drained() {} };
}
