/** The dialler's side of an attached session: hello, then registrations, streams and heartbeats. */
import { SallyportError } from '../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../limits.ts';
import type { Heartbeat } from '../session/heartbeat.ts';
import type { Session, SessionEvents, Stream, StreamReceiver } from '../session/session.ts';
import { YamuxSession } from '../session/yamux/session.ts';
import type { Link } from '../transport/link.ts';
import type { StandingSession } from './dial-quic.ts';
import { encodeMessage, MessageReader, type MessageHandler } from './message-reader.ts';
import {
  PROTOCOL_VERSION,
  readControlMessage,
  type ControlMessage,
  type Hello,
  type Registered,
  type ServiceOffer,
  type Welcome,
} from './messages.ts';

export interface ClientSessionOptions {
  hello: Omit<Hello, 'type' | 'version'>;
  heartbeat: Heartbeat;
  /** The server opened a stream: only agents get some. */
  accept(stream: Stream): StreamReceiver;
  /** The server took a registration back: the service gets no more streams. */
  withdrawn?(service: string, error: SallyportError): void;
  /** Gives up while hello is not answered; afterwards it means nothing. */
  signal: AbortSignal;
}

/** A session whose hello was answered. */
export interface ClientSession {
  readonly session: Session;
  readonly welcome: Welcome;
  /** Resolves with what was assigned, or rejects with the server's refusal. */
  register(service: ServiceOffer): Promise<Registered>;
  unregister(name: string): void;
  /** Resolves when the session is over: null after a clean close. */
  readonly closed: Promise<SallyportError | null>;
  /** Resolves when the server is going away: dial again; running streams may finish. */
  readonly draining: Promise<null>;
  /** Ends the session, telling the server. */
  close(): void;
}

/**
 * Says hello on a fresh link, or on a session that stands. Rejects with the server's refusal, with what became of the link, or
 * with the reason of the signal.
 */
export async function openClientSession(
  carrier: Link | StandingSession,
  options: ClientSessionOptions,
): Promise<ClientSession> {
  const closed = Promise.withResolvers<SallyportError | null>();
  const draining = Promise.withResolvers<null>();
  const welcomed = Promise.withResolvers<Welcome>();
  const pending = new Map<number, PromiseWithResolvers<Registered>>();
  /** The number of each service's registration. */
  const refs = new Map<string, number>();
  let over: SallyportError | null = null;
  let nextRef = 1;

  const events: SessionEvents = {
    accept: (stream) => options.accept(stream),
    // Said by `drain` first; alone it only means that nothing can be opened any more.
    goneAway() {},
    closed(error) {
      options.heartbeat.remove(session);
      over = error ?? new SallyportError('SESSION_CLOSED', 'session: closed in order');
      welcomed.reject(over);
      for (const waiting of pending.values()) waiting.reject(over);
      closed.resolve(error);
    },
  };
  const session: Session =
    'own' in carrier ? carrier.own(events) : new YamuxSession(carrier, { client: true, events });

  const handler: MessageHandler = {
    message(value) {
      received(readControlMessage(value));
      return null;
    },
    broken: (error) => session.close(error),
    finished: () => session.close(null),
    reset: () =>
      session.close(
        new SallyportError('PROTOCOL_MESSAGE', 'session: the control stream was reset'),
      ),
    drained() {},
  };

  function received(message: ControlMessage): void {
    switch (message.type) {
      case 'welcome':
        return welcomed.resolve(message);
      case 'registered':
        return settle(message.ref)?.resolve(message);
      case 'drain':
        return draining.resolve(null);
      case 'error': {
        const error = new SallyportError(message.code, message.message);
        if (message.ref === undefined) return session.close(error);
        return refused(message.ref, error);
      }
      case 'hello':
      case 'register':
      case 'unregister':
        throw new SallyportError(
          'PROTOCOL_MESSAGE',
          `message: a server does not send ${message.type}`,
        );
    }
  }

  /** A registration was refused: at once, or after it had stood for a while. */
  function refused(ref: number, error: SallyportError): void {
    const waiting = settle(ref);
    const service = [...refs.keys()].find((name) => refs.get(name) === ref);
    if (service !== undefined) refs.delete(service);
    if (waiting !== undefined) waiting.reject(error);
    else if (service !== undefined) options.withdrawn?.(service, error);
  }

  function settle(ref: number): PromiseWithResolvers<Registered> | undefined {
    const waiting = pending.get(ref);
    pending.delete(ref);
    return waiting;
  }

  const control = session.open(idle);
  control.receiver = new MessageReader(control, handler);
  control.send(encodeMessage({ type: 'hello', version: PROTOCOL_VERSION, ...options.hello }));

  const timer = setTimeout(() => {
    session.close(
      new SallyportError('HANDSHAKE_TIMEOUT', `hello: no answer within ${HANDSHAKE_TIMEOUT_MS} ms`),
    );
  }, HANDSHAKE_TIMEOUT_MS);
  const { signal } = options;
  const leave = (): void => {
    welcomed.reject(signal.reason);
    session.close(null);
  };
  signal.addEventListener('abort', leave);
  if (signal.aborted) leave();
  try {
    const welcome = await welcomed.promise;
    if (over === null) options.heartbeat.add(session);
    return {
      session,
      welcome,
      register(service) {
        if (over !== null) return Promise.reject(over);
        const waiting = Promise.withResolvers<Registered>();
        const ref = nextRef++;
        pending.set(ref, waiting);
        refs.set(service.name, ref);
        control.send(encodeMessage({ type: 'register', ref, service }));
        return waiting.promise;
      },
      unregister(name) {
        refs.delete(name);
        control.send(encodeMessage({ type: 'unregister', name }));
      },
      closed: closed.promise,
      draining: draining.promise,
      close: () => session.close(null),
    };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
  }
}

/** The control stream's receiver until its reader is in place. */
const idle: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };
