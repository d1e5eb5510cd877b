/**
 * From QUIC to the server: each client is one connection to the server's local socket, and each of its
 * streams a stream there. Runs in a process of its own, so that whatever a datagram does to the native
 * code, it does not do to the server.
 */
import net from 'node:net';
import { encodeMessage, MessageReader } from '../../attach/message-reader.ts';
import { GREETING_ANSWER, QUIC_PROTOCOL, readGreeting } from '../../attach/quic-greeting.ts';
import { SallyportError } from '../../errors.ts';
import { CLOSE_FLUSH_MS, HANDSHAKE_TIMEOUT_MS, LINK_SLAB_BYTES } from '../../limits.ts';
import { formatAddress, type HostPort } from '../../net/address.ts';
import { SlabPool } from '../../net/slab.ts';
import { Wire } from '../../net/wire.ts';
import { createHeartbeat, type Heartbeat } from '../../session/heartbeat.ts';
import { QuicSession } from '../../session/quic/session.ts';
import { Relay } from '../../session/relay.ts';
import type { Session, Stream, StreamReceiver } from '../../session/session.ts';
import { YamuxSession } from '../../session/yamux/session.ts';
import type { Link } from '../../transport/link.ts';
import { PlainLink } from '../../transport/plain-link.ts';
import type { QuicConnection } from '../../transport/quic/connection.ts';
import { openQuicEndpoint } from '../../transport/quic/endpoint.ts';
import { FirstMessage, sendFirst } from './greeted-link.ts';

export interface GatewayOptions {
  readonly listen: HostPort;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** The server's local socket. */
  readonly socketPath: string;
  readonly heartbeatMs: number;
}

export interface Gateway {
  readonly address: HostPort;
  /** New clients meet this certificate. Throws CONFIG_INVALID. */
  useCertificate(cert: string, key: string): void;
  /** Resolves when the last session has ended, as the server ends them; after CLOSE_FLUSH_MS in any case. */
  close(): Promise<void>;
}

const slabs = new SlabPool(LINK_SLAB_BYTES);

/** Rejects with LISTEN_FAILED, QUIC_UNAVAILABLE or CONFIG_INVALID. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { cert, key, listen } = options;
  const heartbeat = createHeartbeat(options.heartbeatMs);
  const empty = Promise.withResolvers<void>();
  let closing = false;
  const endpoint = await openQuicEndpoint({
    listen,
    emptied() {
      if (closing) empty.resolve();
    },
    server: { protocols: [QUIC_PROTOCOL], cert, key },
    accept(connection) {
      return new GatewayClient(connection, options.socketPath, heartbeat).session;
    },
  });
  return {
    address: endpoint.address,
    useCertificate: (nextCert, nextKey) =>
      endpoint.replace({ protocols: [QUIC_PROTOCOL], cert: nextCert, key: nextKey }),
    async close() {
      closing = true;
      const late = setTimeout(empty.resolve, CLOSE_FLUSH_MS);
      if (endpoint.connections === 0) empty.resolve();
      await empty.promise;
      clearTimeout(late);
      heartbeat.close();
      endpoint.close();
    },
  };
}

class GatewayClient {
  readonly session: QuicSession;
  #peer: string;
  #socketPath: string;
  #heartbeat: Heartbeat;
  #deadline: NodeJS.Timeout;
  #greeting: Stream | null = null;
  #link: Link | null = null;
  /** The session with the server, once it has let the client in. */
  #inner: Session | null = null;

  constructor(connection: QuicConnection, socketPath: string, heartbeat: Heartbeat) {
    this.#peer = formatAddress(connection.peer);
    this.#socketPath = socketPath;
    this.#heartbeat = heartbeat;
    this.session = new QuicSession(connection, {
      accept: (stream) => this.#accept(stream),
      goneAway: () => this.#inner?.goAway(),
      closed: (error) => {
        clearTimeout(this.#deadline);
        heartbeat.remove(this.session);
        if (this.#inner !== null) this.#inner.close(error);
        else this.#link?.close(error);
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
        if (this.#link !== null)
          throw new SallyportError('PROTOCOL_MESSAGE', 'quic: a second greeting');
        this.#enter({ ...readGreeting(value), peer: this.#peer });
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
    const path = this.#socketPath;
    const wire = Wire.dial(
      (onread) => {
        const options = { path, onread, allowHalfOpen: true, writableHighWaterMark: 0 };
        return net.connect(options as net.NetConnectOpts);
      },
      slabs,
      { read: () => true, ended() {}, closed() {} },
    );
    const link = new PlainLink(wire);
    this.#link = link;
    link.receive(
      new FirstMessage(
        link,
        () => this.#entered(link),
        (error) =>
          this.session.close(
            error?.code === 'LINK_LOST' ? new SallyportError('SERVER_BUSY', error.message) : error,
          ),
      ),
    );
    sendFirst(link, greeting);
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
