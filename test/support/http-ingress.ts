/** An HTTP ingress over real sockets, with upstream streams that a test plays by hand. */
import net from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { SallyportError, type ErrorCode } from '../../src/errors.ts';
import { createHttpIngress, type HttpIngress } from '../../src/ingress/http/ingress.ts';
import type { HttpIngressOptions } from '../../src/ingress/http/ingress-options.ts';
import { HEADROOM, Slab, SlabPool } from '../../src/net/slab.ts';
import type { RequestLine } from '../../src/observe/access-log.ts';
import { createRoutes, type Routes } from '../../src/registry/routes.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from '../../src/registry/upstream.ts';
import type { Stream, StreamEnd } from '../../src/session/session.ts';
import { openGate } from './gate.ts';

const pool = new SlabPool(64 * 1024);

/** A stream whose other end is the test. */
export class PlayedStream implements Stream {
  readonly id = 1;
  readonly bytesSent = 0;
  readonly bytesReceived = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  readonly request: StreamRequest;
  receiver: UpstreamReceiver;
  writable = true;
  /** What was sent to the target, the heads included. */
  received = '';
  bytesTaken = 0;
  credited = 0;
  ended = false;
  wasReset = false;
  #changed: () => void;

  constructor(request: StreamRequest, receiver: UpstreamReceiver, changed: () => void) {
    this.request = request;
    this.receiver = receiver;
    this.#changed = changed;
  }

  get over(): boolean {
    return this.wasReset;
  }

  #take(bytes: Buffer): void {
    this.bytesTaken += bytes.length;
    if (this.bytesTaken < 1_000_000) this.received += bytes.toString('latin1');
    this.#changed();
  }

  write(slab: Slab, start: number, end: number): void {
    this.#take(Buffer.from(slab.bytes.subarray(start, end)));
    // As allowed by the seam: whoever wrote has passed these bytes.
    if (!slab.shared && slab.refs === 1)
      slab.bytes.fill(0xee, Math.max(0, start - HEADROOM), start);
  }

  send(bytes: Buffer): void {
    this.#take(Buffer.from(bytes));
  }

  end(): void {
    this.ended = true;
    this.#changed();
  }

  reset(): void {
    this.wasReset = true;
    this.#changed();
  }

  credit(n: number): void {
    this.credited += n;
    this.#changed();
  }

  // ---- The other end ----

  accept(): this {
    this.receiver.accepted?.();
    return this;
  }

  /** Delivers bytes, in a slab of a pool or in a shared one that is overwritten at once. */
  answer(text: string | Buffer, shared = false): this {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    for (let at = 0; at < bytes.length && !this.wasReset; at += 60_000) {
      const piece = bytes.subarray(at, at + 60_000);
      const slab = shared ? new Slab(Buffer.alloc(HEADROOM + 60_000), null) : pool.take();
      piece.copy(slab.room);
      this.receiver.data(slab, HEADROOM, HEADROOM + piece.length);
      if (shared) slab.bytes.fill(0xee);
      else slab.release();
    }
    return this;
  }

  finish(): void {
    this.receiver.finished();
  }

  break(code: ErrorCode, message = 'played: broken by the test'): void {
    this.receiver.reset(new SallyportError(code, message));
  }
}

export interface Played {
  readonly ingress: HttpIngress;
  readonly routes: Routes;
  readonly lines: RequestLine[];
  readonly streams: PlayedStream[];
  /** Upstreams there are; `open` takes the first that was not tried. */
  readonly upstreams: Upstream[];
  /** Set: `open` throws this. */
  refusal: SallyportError | null;
  connect(secure?: boolean): Promise<Client>;
  /** Resolves when the condition holds; it is looked at whenever a stream or the log changes. */
  until(condition: () => boolean): Promise<void>;
}

/** A client that shows what it got. */
export class Client {
  readonly socket: net.Socket;
  text = '';
  closed = false;
  ended = false;
  error: Error | null = null;
  #waiting = new Set<() => void>();

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
      this.#look();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#look();
    });
    socket.on('error', (error) => (this.error = error));
    socket.on('close', () => {
      this.closed = true;
      this.#look();
    });
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }

  send(text: string | Buffer): this {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
    return this;
  }

  /** Resolves with what came so far once the condition holds. */
  async until(condition: (text: string) => boolean): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const look = (): void => {
      if (condition(this.text)) resolve(this.text);
    };
    this.#waiting.add(look);
    look();
    return promise.finally(() => this.#waiting.delete(look));
  }

  untilEnd(): Promise<string> {
    return this.until(() => this.ended || this.closed);
  }

  untilClosed(): Promise<string> {
    return this.until(() => this.closed);
  }

  /** Goes on sending until the connection is gone: a client that was told the end hears of it no other way. */
  async sendUntilClosed(text: string): Promise<void> {
    const timer = setInterval(() => this.socket.write(text), 5);
    await this.untilClosed().finally(() => clearInterval(timer));
  }
}

/** Everything ends with the test. */
export async function playIngress(
  t: TestContext,
  options: Partial<HttpIngressOptions> = {},
): Promise<Played> {
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const look of waiting) look();
  };
  const routes = options.routes ?? createRoutes('own.test');
  const streams: PlayedStream[] = [];
  const lines: RequestLine[] = [];
  const upstreams: Upstream[] = ['u1', 'u2'].map((id) => ({
    id,
    streams: 0,
    open(request, receiver) {
      const stream = new PlayedStream(request, receiver, changed);
      streams.push(stream);
      setImmediate(changed);
      return stream;
    },
  }));
  let count = 0;
  const ingress = createHttpIngress({
    routes,
    gate: openGate({
      open(request, receiver, tried) {
        if (played.refusal !== null) throw played.refusal;
        const upstream = upstreams.find((u) => !tried.includes(u));
        if (upstream === undefined)
          throw new SallyportError('SERVICE_ABSENT', 'service: no agent is connected');
        return { stream: upstream.open(request, receiver), upstream };
      },
    }),
    own: { find: () => null },
    trusted: () => false,
    accessLog: {
      request(line) {
        lines.push({ ...line, path: line.path });
        changed();
      },
      stream() {},
    },
    newId: () => `id${++count}`,
    tickMs: 5,
    ...options,
  });
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
  let secure = false;
  server.on('connection', (socket) => ingress.serve(socket, secure));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    ingress.close();
    server.close();
  });
  const played: Played = {
    ingress,
    routes,
    lines,
    streams,
    upstreams,
    refusal: null,
    async connect(tls = false) {
      secure = tls;
      const { port } = server.address() as net.AddressInfo;
      const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
      await once(socket, 'connect');
      t.after(() => socket.destroy());
      return new Client(socket);
    },
    async until(condition) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = (): void => {
        if (condition()) resolve();
      };
      waiting.add(look);
      look();
      await promise;
      waiting.delete(look);
    },
  };
  return played;
}

/** The Host line of service `a`. */
export const HOST = 'Host: a.test\r\n';

export const get = (path = '/', fields = ''): string =>
  `GET ${path} HTTP/1.1\r\n${HOST}${fields}\r\n`;

export const ok = (body: string, fields = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;

/** As `playIngress`, with services `a` and `b` under `a.test` and `b.test`, and one client. */
export async function relay(
  t: TestContext,
  options: Partial<HttpIngressOptions> = {},
): Promise<Played & { client: Client }> {
  const played = await playIngress(t, options);
  played.routes.add({ host: 'a.test' }, { service: 'a' });
  played.routes.add({ host: 'b.test' }, { service: 'b' });
  return Object.assign(played, { client: await played.connect() });
}

/** The stream on which the given number of empty lines, which end heads, has arrived. */
export async function arrived(played: Played, heads: number, stream = 0): Promise<PlayedStream> {
  await played.until(
    () => (played.streams[stream]?.received.split('\r\n\r\n').length ?? 0) > heads,
  );
  return played.streams[stream];
}
