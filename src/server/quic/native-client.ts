/**
 * A client of our own protocol in the process for QUIC: each of its streams is a stream of a session
 * with the server, and the other way round.
 */
import { encodeMessage, MessageReader } from '../../attach/message-reader.ts';
import { GREETING_ANSWER, QUIC_PROTOCOL, readGreeting } from '../../attach/quic-greeting.ts';
import { SallyportError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../limits.ts';
import { formatAddress } from '../../net/address.ts';
import { createHeartbeat, type Heartbeat } from '../../session/heartbeat.ts';
import { QuicSession } from '../../session/quic/session.ts';
import { Relay } from '../../session/relay.ts';
import type { Session, Stream, StreamReceiver } from '../../session/session.ts';
import { YamuxSession } from '../../session/yamux/session.ts';
import type { Link } from '../../transport/link.ts';
import type { QuicConnection } from '../../transport/quic/connection.ts';
import type { GatewayProtocol } from './protocol.ts';
import { enterServer } from './server-entry.ts';

/** `heartbeatMs`: how clients whose connection is dead are noticed. */
export function createNativeProtocol(socketPath: string, heartbeatMs: number): GatewayProtocol {
  const heartbeat = createHeartbeat(heartbeatMs);
  return {
    name: QUIC_PROTOCOL,
    accept: (connection) => new NativeClient(connection, socketPath, heartbeat).session,
    close: () => heartbeat.close(),
  };
}

class NativeClient {
  readonly session: QuicSession;
  #peer: string;
  #certificate: string | null;
  #socketPath: string;
  #heartbeat: Heartbeat;
  #deadline: NodeJS.Timeout;
  #greeting: Stream | null = null;
  /** Leaves before the server has answered. */
  #leave: ((error: SallyportError | null) => void) | null = null;
  /** The session with the server, once it has let the client in. */
  #inner: Session | null = null;

  constructor(connection: QuicConnection, socketPath: string, heartbeat: Heartbeat) {
    this.#peer = formatAddress(connection.peer);
    this.#certificate = connection.peerCertificate?.raw.toString('base64') ?? null;
    this.#socketPath = socketPath;
    this.#heartbeat = heartbeat;
    this.session = new QuicSession(connection, {
      accept: (stream) => this.#accept(stream),
      goneAway: () => this.#inner?.goAway(),
      closed: (error) => {
        clearTimeout(this.#deadline);
        heartbeat.remove(this.session);
        if (this.#inner !== null) this.#inner.close(error);
        else this.#leave?.(error);
      },
    });
    this.#deadline = setTimeout(() => {
      const why = `quic: no greeting within ${HANDSHAKE_TIMEOUT_MS} ms`;
      this.session.close(new SallyportError('HANDSHAKE_TIMEOUT', why));
    }, HANDSHAKE_TIMEOUT_MS);
  }

  #accept(stream: Stream): StreamReceiver {
    if (this.#inner !== null) return joined(stream, this.#inner);
    if (this.#greeting !== null)
      throw new SallyportError(
        'PROTOCOL_MESSAGE',
        'quic: a stream before the greeting was answered',
      );
    this.#greeting = stream;
    return new MessageReader(stream, {
      message: (value) => {
        if (this.#leave !== null)
          throw new SallyportError('PROTOCOL_MESSAGE', 'quic: a second greeting');
        const from = { peer: this.#peer, certificate: this.#certificate };
        this.#enter({ ...readGreeting(value), ...from });
        return null;
      },
      broken: (error) => this.session.close(error),
      finished() {},
      reset() {},
      drained() {},
    });
  }

  /** Asks the server to let the client in. */
  #enter(greeting: object): void {
    this.#leave = enterServer(this.#socketPath, greeting, {
      admitted: (link) => this.#entered(link),
      refused: (error) => this.session.close(error),
    });
  }

  #entered(link: Link): void {
    clearTimeout(this.#deadline);
    const { session } = this;
    this.#inner = new YamuxSession(endsFirst(link, session), {
      client: true,
      events: {
        accept: (stream) => joined(stream, session),
        goneAway: () => session.goAway(),
        closed: (error) => session.close(error),
      },
    });
    this.#heartbeat.add(session);
    this.#greeting!.send(encodeMessage(GREETING_ANSWER));
    this.#greeting!.end();
  }
}

/**
 * The link, whose end the session hears of before the streams on it: they would be broken off, and
 * with them what was sent before the end.
 */
function endsFirst(link: Link, session: Session): Link {
  return {
    send: (bytes, start, end) => link.send(bytes, start, end),
    sendPair: (head, start, end, body) => link.sendPair(head, start, end, body),
    afterSends: (done) => link.afterSends(done),
    get backlog() {
      return link.backlog;
    },
    receive(receiver) {
      link.receive({
        bytes: (slab, start, end) => receiver.bytes(slab, start, end),
        closed(error) {
          session.close(error);
          receiver.closed(error);
        },
      });
    },
    close: (error) => link.close(error),
  };
}

/** Opens a stream on the other side, and lets bytes pass between the two. */
function joined(stream: Stream, other: Session): StreamReceiver {
  const relay = new Relay(stream, { accepted() {}, refused() {}, over() {} });
  try {
    relay.join(other.open(relay.down));
    relay.accepted();
    return relay.up;
  } catch {
    // It takes no more streams.
    stream.reset();
    return { data() {}, finished() {}, reset() {}, drained() {} };
  }
}
