/** Dials a server by QUIC: the connection, the greeting, and the session that stands after it. */
import { SallyportError } from '../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../limits.ts';
import { QuicSession } from '../session/quic/session.ts';
import type { Session, SessionEvents, Stream, StreamReceiver } from '../session/session.ts';
import { endOf, proxyOf } from '../transport/outgoing/way-out.ts';
import type { QuicConnection } from '../transport/quic/connection.ts';
import { dialQuic } from '../transport/quic/dial.ts';
import type { DialOptions } from './dial.ts';
import { encodeMessage, MessageReader } from './message-reader.ts';
import { QUIC_PROTOCOL } from './quic-greeting.ts';

/** A session whose greeting was answered, and that has no owner yet. */
export interface StandingSession {
  /** Hands it over; what has happened to it meanwhile is told at once. */
  own(events: SessionEvents): Session;
  /** Ends it, with or without an owner. */
  close(error: SallyportError | null): void;
}

/**
 * Rejects as `dialQuic` does, with the error the server named, and with PROXY_REFUSED where the way out
 * is a proxy. `timeoutMs`: for the handshake.
 */
export async function dialByQuic(
  options: DialOptions,
  timeoutMs = HANDSHAKE_TIMEOUT_MS,
): Promise<StandingSession> {
  const { url, wayOut = {}, token, program, signal } = options;
  const to = wayOut.quic ?? endOf(url);
  if (proxyOf(url, wayOut) !== null) {
    const why = 'QUIC does not go through proxies; take another transport, or --proxy none';
    throw new SallyportError('PROXY_REFUSED', `dial quic: a proxy is set: ${why}`);
  }
  const { ca, cert, key, serverName } = wayOut.tls ?? {};
  const connection = await dialQuic({
    ...to,
    settings: {
      protocols: [QUIC_PROTOCOL],
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && key !== undefined && { cert, key }),
    },
    ...(serverName !== undefined && { serverName }),
    timeoutMs,
    signal,
  });
  const answered = Promise.withResolvers<void>();
  const handover = createHandover((error) =>
    answered.reject(error ?? new SallyportError('SERVER_UNREACHABLE', 'dial quic: it was closed')),
  );
  const [session, greeting] = begin(connection, handover.events);
  const broken = (error: SallyportError): void => session.close(error);
  greeting.receiver = new MessageReader(greeting, {
    message() {
      answered.resolve();
      return null;
    },
    broken,
    finished() {},
    reset() {},
    drained() {},
  });
  greeting.send(encodeMessage({ token, program }));
  greeting.end();
  const leave = (): void => {
    answered.reject(signal.reason);
    session.close(null);
  };
  const late = setTimeout(() => {
    const why = `no answer to the greeting within ${HANDSHAKE_TIMEOUT_MS} ms`;
    broken(new SallyportError('HANDSHAKE_TIMEOUT', `dial quic: ${why}`));
  }, HANDSHAKE_TIMEOUT_MS);
  signal.addEventListener('abort', leave);
  try {
    if (signal.aborted) leave();
    await answered.promise;
    return {
      own(events) {
        handover.to(events);
        return session;
      },
      close: (error) => session.close(error),
    };
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', leave);
  }
}

/** The session, and the stream of the greeting. Throws TOO_MANY_STREAMS where the server allows too few. */
function begin(connection: QuicConnection, events: SessionEvents): [Session, Stream] {
  try {
    const session = new QuicSession(connection, events);
    return [session, session.open(unheard)];
  } catch (thrown) {
    connection.close(0, '');
    throw thrown;
  }
}

const unheard: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };

/** Events of a session whose owner comes later. The server opens no streams before its owner has said hello. */
function createHandover(closed: (error: SallyportError | null) => void): {
  events: SessionEvents;
  to(owner: SessionEvents): void;
} {
  let owner: SessionEvents | null = null;
  let ended: { readonly error: SallyportError | null } | null = null;
  return {
    events: {
      accept(stream) {
        if (owner !== null) return owner.accept(stream);
        throw new SallyportError('PROTOCOL_MESSAGE', 'quic: a stream before the greeting');
      },
      goneAway: () => owner?.goneAway(),
      closed(error) {
        ended = { error };
        closed(error);
        owner?.closed(error);
      },
    },
    to(next) {
      owner = next;
      // Not from inside of the call that hands it over: the owner has no session yet.
      if (ended !== null) setImmediate(() => next.closed(ended!.error));
    },
  };
}
