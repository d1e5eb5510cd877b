/**
 * A server whose process for QUIC speaks reverst, with a dialect that knows one group; and clients of
 * it made by hand, which answer by HTTP/3 whatever a test wants.
 */
import type { IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import type { DialectFactory } from '../../src/compat/dialect.ts';
import { DIALECT, readGreeting } from '../../src/compat/reverst/greeting.ts';
import type { ByteReceiver } from '../../src/compat/reverst/http3/byte-stream.ts';
import {
  createHttp3Connection,
  type Http3Connection,
} from '../../src/compat/reverst/http3/connection.ts';
import type { RequestHead, ResponseHead } from '../../src/compat/reverst/http3/heads.ts';
import type {
  BodyReceiver,
  ServedExchange,
} from '../../src/compat/reverst/http3/request-stream.ts';
import { QuicStreams } from '../../src/compat/reverst/quic-streams.ts';
import {
  AUTHORIZATION,
  packRequest,
  REVERST_PROTOCOL,
} from '../../src/compat/reverst/registration.ts';
import { Tunnel } from '../../src/compat/reverst/tunnel.ts';
import { SallyportError } from '../../src/errors.ts';
import type { Server } from '../../src/server/handle.ts';
import type { QuicConnection } from '../../src/transport/quic/connection.ts';
import { dialQuic } from '../../src/transport/quic/dial.ts';
import type { QuicEnd } from '../../src/transport/quic/user.ts';
import { composeServer } from './composition.ts';
import { makeCertificate, temporaryFile } from './files.ts';
import { ask, open, type Question, type Reply } from './http-client.ts';
import { until } from './wait.ts';

export const GROUP = 'flipt.dev.local';
export const SECRET = 'Bearer some-token';

/** Lets clients with SECRET into GROUP, which serves the host of its name. */
function oneGroup(tunnels: Tunnel[]): DialectFactory {
  return ({ registry, routes }) => {
    const remove = routes.add({ host: GROUP }, { service: GROUP });
    return {
      name: DIALECT,
      endpoints: null,
      active: 0,
      quic: {
        async admit(value) {
          const { group, authorization } = readGreeting(value);
          if (group !== GROUP) throw new SallyportError('SERVICE_UNKNOWN', 'no such group');
          if (authorization !== SECRET) throw new SallyportError('AUTH_FAILED', 'not the token');
          return (link) => {
            const leave = (): void => registry.leave(GROUP, tunnel);
            const id = `t${tunnels.length + 1}`;
            const tunnel: Tunnel = new Tunnel(id, link, { goneAway: leave, closed: leave });
            tunnels.push(tunnel);
            registry.join(GROUP, tunnel, {
              kind: 'http',
              exclusive: null,
              balance: 'round-robin',
            });
          };
        },
      },
      drain() {},
      close() {
        remove();
        const error = new SallyportError('SERVER_DRAINING', 'the server is shutting down');
        for (const tunnel of tunnels) tunnel.close(error);
      },
    };
  };
}

export interface ReverstStage {
  readonly server: Server;
  /** PEM: the authority behind the server's certificate. */
  readonly ca: string;
  /** Sends a request to the group, by the public port. */
  ask(question?: Partial<Question>): Promise<Reply>;
  /** As `ask`, and resolves with the head of the answer. */
  open(question?: Partial<Question>): Promise<IncomingMessage>;
  /** The server's ends, in the order they came. */
  readonly tunnels: readonly Tunnel[];
  /** A connection that has said nothing yet. */
  dial(idleTimeoutMs?: number): Promise<DialledClient>;
  /** A registered client. */
  register(serve: Serve, idleTimeoutMs?: number): Promise<RegisteredClient>;
}

export type Serve = (exchange: ServedExchange, head: RequestHead) => BodyReceiver;

export interface DialledClient {
  readonly connection: QuicConnection;
  readonly streams: QuicStreams;
  /** How the server ended it. */
  readonly ends: QuicEnd[];
  /** What came on the first stream. */
  answer(): Buffer;
  /** Opens the first stream with these bytes. */
  say(bytes: Buffer, end?: boolean): void;
}

export interface RegisteredClient extends DialledClient {
  readonly http3: Http3Connection;
}

/** `streamsMax`: requests that its clients allow at once. */
export async function startReverst(
  t: TestContext,
  { streamsMax }: { streamsMax?: number } = {},
): Promise<ReverstStage> {
  const { cert, key } = await makeCertificate('localhost', '127.0.0.1', GROUP);
  const tunnels: Tunnel[] = [];
  const server = await composeServer(t, {
    tls: { cert: temporaryFile(t, 'cert.pem', cert), key: temporaryFile(t, 'key.pem', key) },
    quicListen: { host: '127.0.0.1', port: 0 },
    dialects: [oneGroup(tunnels)],
  });

  const toGroup: Question = { port: server.address.port, host: GROUP, ca: cert };

  async function dial(idleTimeoutMs = 20_000): Promise<DialledClient> {
    const connection = await dialQuic({
      ...server.quicAddress!,
      settings: {
        protocols: [REVERST_PROTOCOL],
        ca: cert,
        idleTimeoutMs,
        ...(streamsMax !== undefined && { streamsMax }),
      },
      serverName: 'localhost',
      timeoutMs: 10_000,
      signal: new AbortController().signal,
    });
    t.after(() => connection.close(0, ''));
    const ends: QuicEnd[] = [];
    const pieces: Buffer[] = [];
    const streams = new QuicStreams(connection, (end) => void ends.push(end));
    return {
      connection,
      streams,
      ends,
      answer: () => Buffer.concat(pieces),
      say(bytes, end = false) {
        const receiver: ByteReceiver = {
          data: (piece) => void pieces.push(Buffer.from(piece)),
          finished: () => stream.end(),
          reset() {},
          stopped() {},
          drained() {},
        };
        const stream = streams.openBidi(receiver);
        stream.write(bytes);
        if (end) stream.end();
      },
    };
  }

  return {
    server,
    ca: cert,
    tunnels,
    ask: (question) => ask({ ...toGroup, ...question }),
    open: (question) => open({ ...toGroup, ...question }),
    dial,
    async register(serve, idleTimeoutMs) {
      const client = await dial(idleTimeoutMs);
      client.say(packRequest(GROUP, new Map([[AUTHORIZATION, SECRET]])));
      // As originals do: signals begin before the answer has come.
      const http3 = createHttp3Connection({ session: client.streams, serve });
      client.streams.accept(http3);
      await until('the answer came', () => client.answer().length > 0);
      return { ...client, http3 };
    },
  };
}

/** A response whose length is not known. */
export const ok: ResponseHead = { status: 200, fields: [], contentLength: null };

/** Answers with what `answer` says when the request is whole. */
export function whole(
  answer: (exchange: ServedExchange, body: Buffer, path: string) => void,
): Serve {
  return (exchange, head) => {
    const pieces: Buffer[] = [];
    return {
      body(bytes) {
        pieces.push(Buffer.from(bytes));
        exchange.credit(bytes.length);
      },
      ended: () => answer(exchange, Buffer.concat(pieces), head.path),
      failed() {},
      drained() {},
    };
  };
}

export const pong = whole((exchange) => {
  exchange.respond({ ...ok, contentLength: 4 });
  exchange.body(Buffer.from('PONG'));
  exchange.end();
});
