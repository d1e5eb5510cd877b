/** One connection to a local port of the client, and the WebSocket that carries it. */
import type net from 'node:net';
import { asSallyportError, SallyportError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS, LOCAL_SLAB_BYTES } from '../../limits.ts';
import { breakOff } from '../../net/break-off.ts';
import { forgetPaused, watchPaused } from '../../net/paused-sockets.ts';
import { SlabPool } from '../../net/slab.ts';
import { readRest, Wire, type WireReader } from '../../net/wire.ts';
import type { Heartbeat } from '../../session/heartbeat.ts';
import { Splice, type SpliceEnd } from '../../session/splice.ts';
import { dialWebSocket, type DialledWebSocket } from '../../transport/websocket/dial.ts';
import { HALF_CLOSE, SUBPROTOCOL } from './protocol.ts';
import type { LocalRequest, SokkenRoute } from './route.ts';
import { SokkenStream } from './stream.ts';

export interface ConnectionHost {
  readonly heartbeat: Heartbeat;
  joined(connection: LocalConnection): void;
  /** Called once. `error` is null when both ends were in order, or the connection was given up here. */
  over(connection: LocalConnection, error: SallyportError | null): void;
}

const slabs = new SlabPool(LOCAL_SLAB_BYTES);

/** Older servers pick their own of the two. */
const OFFER = `${HALF_CLOSE}, ${SUBPROTOCOL}`;

export class LocalConnection implements SpliceEnd {
  readonly request: LocalRequest;
  #socket: net.Socket;
  #host: ConnectionHost;
  #given = new AbortController();
  #joinedAt: number | null = null;
  #stream: SokkenStream | null = null;
  #over = false;

  /** Nothing has been read from the socket. */
  constructor(socket: net.Socket, request: LocalRequest, host: ConnectionHost) {
    this.#socket = socket;
    this.request = request;
    this.#host = host;
    socket.on('error', () => {}).once('close', this.#left);
    watchPaused(socket);
  }

  /** Milliseconds since it was joined to its WebSocket; null when it never was. */
  get ms(): number | null {
    return this.#joinedAt === null ? null : Math.round(performance.now() - this.#joinedAt);
  }

  dial(route: SokkenRoute): void {
    void this.#dial(route).catch((thrown: unknown) => {
      breakOff(this.#socket);
      this.#finish(this.#given.signal.aborted ? null : asSallyportError(thrown));
    });
  }

  async #dial({ url, headers, wayOut }: SokkenRoute): Promise<void> {
    const { signal } = this.#given;
    const timeoutMs = HANDSHAKE_TIMEOUT_MS;
    const dial = { url, protocol: OFFER, headers, wayOut, timeoutMs, pool: slabs, signal };
    const dialled = await dialWebSocket(dial);
    if (dialled.protocol === null) {
      dialled.wire.destroy();
      const why = 'it does not speak the subprotocol sokken';
      throw new SallyportError('SERVER_NOT_SALLYPORT', `dial: ${url.host}: ${why}`);
    }
    if (signal.aborted) dialled.wire.destroy();
    else this.#join(dialled);
  }

  #join({ wire: remote, rest, masking, protocol }: DialledWebSocket): void {
    forgetPaused(this.#socket);
    this.#socket.off('close', this.#left);
    this.#joinedAt = performance.now();
    const local = Wire.accept(this.#socket, slabs, unread);
    const splice = new Splice(local, this);
    const peer = protocol === HALF_CLOSE ? 'half-closing' : 'older-server';
    const stream = new SokkenStream(remote, masking, peer, splice);
    this.#stream = stream;
    stream.onClosed = () => this.#host.heartbeat.remove(stream);
    splice.join(stream);
    local.reader = splice;
    this.#host.heartbeat.add(stream);
    this.#host.joined(this);
    readRest(stream, rest);
    remote.resume();
  }

  /** The socket closed before there was anything to join it to. */
  readonly #left = (): void => {
    forgetPaused(this.#socket);
    this.#given.abort();
  };

  spliced(_splice: Splice, error: Error | null): void {
    if (error === null || error instanceof SallyportError) return this.#finish(error);
    const why = `the local connection broke: ${error.message}`;
    this.#finish(new SallyportError('STREAM_RESET', why, { cause: error }));
  }

  #finish(error: SallyportError | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.over(this, error);
  }

  /** Ends both its ends at once. */
  close(): void {
    this.#given.abort();
    this.#stream?.close(
      new SallyportError('SERVER_DRAINING', 'tunnel: its client is shutting down'),
    );
    this.#socket.destroy();
  }
}

const unread: WireReader = { read: () => true, ended() {}, closed() {} };
