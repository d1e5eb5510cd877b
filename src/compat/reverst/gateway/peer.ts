/**
 * A client of reverst in the process that serves QUIC: its registration is read and judged by the
 * server, then each stream that the server opens is a request to it, by HTTP/3 on its own connection.
 */
import type { LocalEntry } from '../../../attach/quic-greeting.ts';
import { SallyportError, asSallyportError } from '../../../errors.ts';
import { REVERST_REGISTRATION_TIMEOUT_MS } from '../../../limits.ts';
import { formatAddress } from '../../../net/address.ts';
import type { Session } from '../../../session/session.ts';
import { YamuxSession } from '../../../session/yamux/session.ts';
import type { Link } from '../../../transport/link.ts';
import type { QuicConnection } from '../../../transport/quic/connection.ts';
import type { QuicEnd } from '../../../transport/quic/user.ts';
import { DIALECT, type Greeting } from '../greeting.ts';
import type { ByteReceiver, ByteStream } from '../http3/byte-stream.ts';
import { createHttp3Connection, type Http3Connection } from '../http3/connection.ts';
import { QuicStreams } from '../quic-streams.ts';
import {
  AUTHORIZATION,
  createRequestReader,
  packResponse,
  type RegistrationRequest,
} from '../registration.ts';
import { closeOf, stopping } from './close.ts';
import { RequestQueue } from './request-queue.ts';

export interface PeerHost {
  /** Greets the server. Returns how to leave before it has answered. */
  enter(greeting: Greeting, entry: LocalEntry): (error: SallyportError | null) => void;
  /** It is gone. The last call. */
  gone(peer: Peer): void;
}

export class Peer {
  readonly streams: QuicStreams;
  readonly #host: PeerHost;
  #deadline: NodeJS.Timeout | null;
  #leave: ((error: SallyportError | null) => void) | null = null;
  #http3: Http3Connection | null = null;
  /** The session with the server, once it has let the client in. */
  #inner: Session | null = null;
  #over = false;

  constructor(connection: QuicConnection, host: PeerHost) {
    this.#host = host;
    this.streams = new QuicStreams(connection, (end) => this.#lost(end));
    this.streams.accept({ acceptBidi: (stream) => this.#read(stream) });
    this.#deadline = setTimeout(() => {
      const why = `none within ${REVERST_REGISTRATION_TIMEOUT_MS} ms`;
      this.close(new SallyportError('HANDSHAKE_TIMEOUT', `reverst registration: ${why}`));
    }, REVERST_REGISTRATION_TIMEOUT_MS);
  }

  keepAlive(): void {
    this.streams.connection.keepAlive();
  }

  // ---- Registration ----

  #read(stream: ByteStream): ByteReceiver {
    // Later ones wait: the control stream of HTTP/3 for its time, others for ever.
    this.streams.accept({});
    const reader = createRequestReader();
    let read = false;
    const broken = (): void => {
      if (!read) this.close(new SallyportError('PROTOCOL_MESSAGE', 'reverst registration: EOF'));
    };
    return {
      data: (bytes) => {
        stream.credit(bytes.length);
        if (read) return;
        try {
          const request = reader.push(bytes);
          if (request === null) return;
          read = true;
          this.#enter(request, stream);
        } catch (thrown) {
          this.close(asSallyportError(thrown));
        }
      },
      finished: broken,
      reset: broken,
      stopped() {},
      drained() {},
    };
  }

  #enter({ group, metadata }: RegistrationRequest, stream: ByteStream): void {
    const greeting: Greeting = {
      dialect: DIALECT,
      group,
      authorization: metadata.get(AUTHORIZATION) ?? null,
      peer: formatAddress(this.streams.connection.peer),
    };
    this.#leave = this.#host.enter(greeting, {
      admitted: (link) => this.#admitted(link, stream),
      refused: (error) => this.close(error),
    });
  }

  #admitted(link: Link, registration: ByteStream): void {
    this.#stopDeadline();
    this.#leave = null;
    try {
      this.#serve(link, registration);
    } catch (thrown) {
      // It allows no stream for HTTP/3's signals.
      const error = asSallyportError(thrown);
      link.close(error);
      this.close(error);
    }
  }

  #serve(link: Link, registration: ByteStream): void {
    const { streams } = this;
    let leaving = false;
    const http3 = createHttp3Connection({
      session: streams,
      goneAway: () => {
        leaving = true;
        inner.goAway();
        queue.leave();
      },
      // Of a server that goes away the end follows, with the reason.
      idle: () => {
        if (leaving) this.close(null);
      },
      failed: (error) => this.#finish(error),
    });
    registration.write(packResponse());
    registration.end();
    const queue = new RequestQueue(http3, streams);
    const inner = new YamuxSession(link, {
      client: true,
      events: {
        accept: (stream) => queue.take(stream),
        goneAway: () => http3.goAway(),
        closed: (error) => this.close(error),
      },
    });
    this.#http3 = http3;
    this.#inner = inner;
    streams.accept({
      acceptUni: (stream) => http3.acceptUni(stream),
      turned: () => queue.advance(),
    });
  }

  // ---- Ends ----

  /** The client is told; `null`: the server is done with it. */
  close(error: SallyportError | null): void {
    if (this.#over) return;
    const { code, reason } = closeOf(error);
    this.#finish(error);
    this.streams.close(code, reason);
  }

  #lost(end: QuicEnd): void {
    const inOrder = end.application && end.code === stopping.code;
    this.#finish(inOrder ? null : lostError(end));
  }

  #finish(error: SallyportError | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopDeadline();
    this.#leave?.(error);
    this.#http3?.closed(error ?? new SallyportError('SESSION_CLOSED', 'reverst: the client left'));
    this.#inner?.close(error);
    this.#host.gone(this);
  }

  #stopDeadline(): void {
    clearTimeout(this.#deadline ?? undefined);
    this.#deadline = null;
  }
}

function lostError({ application, code, reason, timedOut }: QuicEnd): SallyportError {
  if (timedOut)
    return new SallyportError('HEARTBEAT_LOST', 'reverst: the client was silent for too long');
  const what = `${application ? 'error' : 'QUIC error'} 0x${code.toString(16)}`;
  return new SallyportError('LINK_LOST', `reverst: the client is gone: ${what} ${reason}`.trim());
}
