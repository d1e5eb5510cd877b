/** A server of reverst for the client's tests: it registers whom it is told to, and asks by HTTP/3. */
import http from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import {
  createHttp3Connection,
  type Http3Connection,
} from '../../src/compat/reverst/http3/connection.ts';
import type { ByteStream } from '../../src/compat/reverst/http3/byte-stream.ts';
import type { Field } from '../../src/compat/reverst/http3/field.ts';
import { QuicStreams } from '../../src/compat/reverst/quic-streams.ts';
import {
  createRequestReader,
  packResponse,
  type RegistrationRequest,
} from '../../src/compat/reverst/registration.ts';
import { SallyportError } from '../../src/errors.ts';
import { openQuicEndpoint } from '../../src/transport/quic/endpoint.ts';
import type { QuicEnd } from '../../src/transport/quic/user.ts';
import { makeCertificate, type Certificate } from './files.ts';

/** Takes a client in, closes its connection, answers with a code before it closes with 0x1, or sends bytes. */
export type Verdict =
  | 'ok'
  | { readonly close: number; readonly reason: string }
  | { readonly code: number; readonly body: string }
  | { readonly bytes: Buffer }
  | 'silence';

export interface TestClient {
  readonly request: RegistrationRequest;
  readonly http3: Http3Connection;
  /** For bytes that are no HTTP/3. */
  readonly streams: QuicStreams;
  close(code: number, reason: string): void;
}

export interface ReverstTestServer {
  readonly port: number;
  readonly certificate: Certificate;
  /** Registered and connected. */
  readonly clients: readonly TestClient[];
  /** All requests to register, also refused ones. */
  readonly requests: readonly RegistrationRequest[];
  /** How clients ended their connections. */
  readonly ends: readonly QuicEnd[];
  close(): void;
}

export interface ReverstTestServerOptions {
  readonly verdict?: (request: RegistrationRequest) => Verdict;
  readonly port?: number;
  readonly idleTimeoutMs?: number;
  readonly certificate?: Certificate;
}

const ignore = { finished() {}, reset() {}, stopped() {}, drained() {} };

/** Its certificate is for `localhost` and `flipt.dev.local`. */
export async function startReverstServer(
  t: TestContext,
  options: ReverstTestServerOptions = {},
): Promise<ReverstTestServer> {
  const certificate =
    options.certificate ?? (await makeCertificate('localhost', 'flipt.dev.local'));
  const clients: TestClient[] = [];
  const requests: RegistrationRequest[] = [];
  const ends: QuicEnd[] = [];
  const byStreams = new Map<QuicStreams, TestClient>();

  function registered(streams: QuicStreams, request: RegistrationRequest): void {
    const http3 = createHttp3Connection({ session: streams });
    streams.accept(http3);
    const client: TestClient = {
      request,
      http3,
      streams,
      close(code, reason) {
        leave(streams);
        streams.close(code, reason);
      },
    };
    clients.push(client);
    byStreams.set(streams, client);
  }

  function leave(streams: QuicStreams): void {
    const client = byStreams.get(streams);
    if (!byStreams.delete(streams)) return;
    clients.splice(clients.indexOf(client!), 1);
    client!.http3.closed(new SallyportError('SESSION_CLOSED', 'the client has gone'));
  }

  function answer(streams: QuicStreams, stream: ByteStream, request: RegistrationRequest): void {
    const verdict = options.verdict?.(request) ?? 'ok';
    if (verdict === 'silence') return;
    if (verdict === 'ok') {
      stream.write(packResponse());
      stream.end();
      registered(streams, request);
    } else if ('bytes' in verdict) {
      stream.write(verdict.bytes);
    } else if ('close' in verdict) {
      streams.close(verdict.close, verdict.reason);
    } else {
      stream.write(packFailure(verdict.code, verdict.body));
      stream.end();
      // Time for the answer to leave, as in the originals.
      setImmediate(() => setImmediate(() => streams.close(0x1, verdict.body)));
    }
  }

  const endpoint = await openQuicEndpoint({
    listen: { host: '127.0.0.1', port: options.port ?? 0 },
    server: {
      protocols: ['quic-h3-tunnel'],
      cert: certificate.cert,
      key: certificate.key,
      ...(options.idleTimeoutMs !== undefined && { idleTimeoutMs: options.idleTimeoutMs }),
    },
    accept(connection) {
      const reader = createRequestReader();
      const streams = new QuicStreams(connection, (end) => {
        ends.push(end);
        leave(streams);
      });
      streams.accept({
        acceptBidi: (stream) => ({
          ...ignore,
          data(bytes) {
            stream.credit(bytes.length);
            const request = reader.push(bytes);
            if (request === null) return;
            requests.push(request);
            answer(streams, stream, request);
          },
        }),
      });
      return streams;
    },
  });
  t.after(() => endpoint.close());
  return {
    port: endpoint.address.port,
    certificate,
    clients,
    requests,
    ends,
    close: () => endpoint.close(),
  };
}

/** Its public side: every request goes to the clients in turn. Gives its port. */
export async function startPublicSide(t: TestContext, server: ReverstTestServer): Promise<number> {
  let turn = 0;
  const listener = http.createServer((incoming, outgoing) => {
    const client = server.clients[turn++ % server.clients.length];
    if (client === undefined) outgoing.writeHead(502).end();
    else pass(client.http3, incoming, outgoing);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => listener.close());
  return (listener.address() as AddressInfo).port;
}

function pass(
  http3: Http3Connection,
  incoming: http.IncomingMessage,
  outgoing: http.ServerResponse,
): void {
  const { method, url, headers } = incoming;
  const length = headers['content-length'];
  const fields = Object.entries(headers)
    .filter(([name]) => name !== 'host' && name !== 'content-length')
    .map(([name, value]): Field => [name, String(value)]);
  const exchange = http3.request(
    {
      method: method!,
      scheme: 'https',
      authority: headers.host!,
      path: url!,
      fields,
      contentLength: length === undefined ? null : Number(length),
    },
    {
      response({ status, fields: answered, contentLength }) {
        const lines = answered.flatMap(([name, value]) => [name, value]);
        if (contentLength !== null) lines.push('content-length', String(contentLength));
        outgoing.writeHead(status, lines);
        outgoing.flushHeaders();
      },
      body(bytes) {
        const { length: n } = bytes;
        outgoing.write(Buffer.from(bytes), () => exchange.credit(n));
      },
      ended: () => outgoing.end(),
      failed: () => outgoing.destroy(),
      drained: () => incoming.resume(),
    },
  );
  incoming.on('data', (bytes: Buffer) => {
    exchange.body(bytes);
    if (!exchange.writable) incoming.pause();
  });
  incoming.on('end', () => exchange.end());
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) exchange.cancel();
  });
}

/** An answer with a code, as servers of earlier versions give it; the body has less than 256 bytes. */
function packFailure(code: number, body: string): Buffer {
  const fields = '84a756657273696f6ecc01a4436f6465ccXXa84d65746164617461c0a4426f6479c4LL';
  const byte = (value: number): string => Buffer.of(value).toString('hex');
  const bytes = Buffer.from(body);
  const head = fields.replace('XX', byte(code)).replace('LL', byte(bytes.length));
  return Buffer.concat([Buffer.from(head, 'hex'), bytes]);
}
