/** Dials a WebSocket of any protocol: the way out, the upgrade, and the wire that stands after it. */
import type net from 'node:net';
import { SallyportError } from '../../errors.ts';
import { HTTP_HEAD_MAX_BYTES } from '../../limits.ts';
import type { Slab, SlabPool } from '../../net/slab.ts';
import { Wire, type WireReader } from '../../net/wire.ts';
import { isSecure, openWayOut, proxyOf, type WayOut } from '../outgoing/way-out.ts';
import {
  newKey,
  readResponseHead,
  upgradeFault,
  upgradeRequest,
  type ResponseHead,
} from './handshake.ts';
import type { Masking } from './link.ts';

export interface WebSocketDial {
  /** ws, wss, http or https; path and query are sent as they are. */
  readonly url: URL;
  /** Offered, several with `, ` between; the server picks one or none. Null: none is. */
  readonly protocol: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly wayOut: WayOut;
  /** From the first packet to the whole response, in milliseconds. */
  readonly timeoutMs: number;
  readonly pool: SlabPool;
  readonly signal: AbortSignal;
}

export interface DialledWebSocket {
  /** Paused: its new reader calls `resume` on it. */
  readonly wire: Wire;
  /** What came behind the response. */
  readonly rest: Buffer;
  /** A zero key where no intermediary can read the frames or be confused by them, else random ones. */
  readonly masking: Masking;
  /** The one that the server picked; null when it speaks none of them. */
  readonly protocol: string | null;
}

/** The server answered the upgrade with another status. */
export class UpgradeRefused extends SallyportError {
  readonly head: ResponseHead;
  readonly body: string;

  constructor(host: string, head: ResponseHead, body: string) {
    const answer = `dial: ${host} answered ${head.status} ${head.reason}`.trimEnd();
    super(codeOf(head.status), `${answer} to the upgrade`);
    this.head = head;
    this.body = body;
  }
}

function codeOf(status: number): ConstructorParameters<typeof SallyportError>[0] {
  switch (status) {
    case 401:
      return 'AUTH_FAILED';
    case 403:
      return 'DENIED';
    case 404:
      return 'SERVICE_UNKNOWN';
    case 409:
      return 'NAME_TAKEN';
    default:
      return status >= 500 || status === 429 ? 'SERVER_BUSY' : 'SERVER_NOT_SALLYPORT';
  }
}

/**
 * Rejects with SERVER_UNREACHABLE, SERVER_TLS, a PROXY code, HANDSHAKE_TIMEOUT, UpgradeRefused,
 * SERVER_NOT_SALLYPORT for what is no WebSocket server, USAGE when a part cannot stand in a request,
 * or the reason of the signal.
 */
export async function dialWebSocket(options: WebSocketDial): Promise<DialledWebSocket> {
  const { url, wayOut, timeoutMs } = options;
  const key = newKey();
  const request = upgradeRequest(
    `${url.pathname}${url.search}`,
    url.host,
    key,
    options.protocol,
    options.headers,
  );
  const late = new AbortController();
  const timer = setTimeout(() => {
    const why = `${url.host} did not answer within ${timeoutMs} ms`;
    late.abort(new SallyportError('HANDSHAKE_TIMEOUT', `dial: ${why}`));
  }, timeoutMs);
  const signal = AbortSignal.any([options.signal, late.signal]);
  try {
    const socket = await openWayOut(url, wayOut, signal);
    const { wire, head, rest } = await upgrade(socket, request, { ...options, signal });
    try {
      const protocol = judge(head, rest, key, options);
      return { wire, rest, masking: maskingFor(wire, url, wayOut), protocol };
    } catch (thrown) {
      wire.destroy();
      throw thrown;
    }
  } finally {
    clearTimeout(timer);
  }
}

interface Answered {
  readonly wire: Wire;
  /** Null: what came is no HTTP/1.1. */
  readonly head: ResponseHead | null;
  readonly rest: Buffer;
}

/** Sends the request; resolves with the answer, the wire paused. */
function upgrade(
  socket: net.Socket,
  request: string,
  { url, pool, signal }: WebSocketDial,
): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const reader = new AnswerReader((head, rest) => finish(() => resolve({ wire, head, rest })), {
    lost(error) {
      const why =
        error === null
          ? 'it closed the connection during the handshake'
          : `${error.code ?? ''} ${error.message}`.trim();
      fail(new SallyportError('SERVER_UNREACHABLE', `dial ${url.host}: ${why}`, { cause: error }));
    },
  });
  const wire = Wire.accept(socket, pool, reader);
  const abort = (): void => fail(signal.reason as Error);
  const finish = (then: () => void): void => {
    signal.removeEventListener('abort', abort);
    then();
  };
  const fail = (error: Error): void => {
    finish(() => reject(error));
    wire.destroy();
  };
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  else wire.write(Buffer.from(request));
  return promise;
}

/** Reads the answer, and of a refusal its body, then pauses the wire for its next reader. */
class AnswerReader implements WireReader {
  #answer: (head: ResponseHead | null, rest: Buffer) => void;
  #events: { lost(error: NodeJS.ErrnoException | null): void };
  #bytes = Buffer.alloc(0);
  #head: ResponseHead | null = null;
  #done = false;

  constructor(
    answer: (head: ResponseHead | null, rest: Buffer) => void,
    events: { lost(error: NodeJS.ErrnoException | null): void },
  ) {
    this.#answer = answer;
    this.#events = events;
  }

  read(slab: Slab, start: number, end: number): boolean {
    if (this.#done) return false;
    this.#bytes = Buffer.concat([this.#bytes, slab.bytes.subarray(start, end)]);
    if (this.#head === null) {
      const stop = this.#bytes.indexOf('\r\n\r\n');
      if (stop < 0 && this.#bytes.length <= HTTP_HEAD_MAX_BYTES) return true;
      this.#head = stop < 0 ? null : readResponseHead(this.#bytes.toString('latin1', 0, stop));
      this.#bytes = this.#bytes.subarray(stop + 4);
    }
    const whole = this.#head === null || this.#head.status === 101 || this.#bodyIsWhole();
    if (whole) this.#finish();
    return !whole;
  }

  #bodyIsWhole(): boolean {
    const length = Number(this.#head!.fields.get('content-length') ?? Infinity);
    return this.#bytes.length >= Math.min(length, HTTP_HEAD_MAX_BYTES);
  }

  #finish(): void {
    this.#done = true;
    this.#answer(this.#head, this.#bytes);
  }

  ended(): void {
    if (this.#done) return;
    if (this.#head !== null) this.#finish();
    else this.#lose(null);
  }

  closed(error: Error | null): void {
    this.#lose(error);
  }

  #lose(error: NodeJS.ErrnoException | null): void {
    if (this.#done) return;
    this.#done = true;
    this.#events.lost(error);
  }
}

/** The subprotocol that is spoken. Throws what is wrong with the answer. */
function judge(
  head: ResponseHead | null,
  rest: Buffer,
  key: string,
  { url, protocol }: WebSocketDial,
): string | null {
  const wrong = (why: string): SallyportError =>
    new SallyportError('SERVER_NOT_SALLYPORT', `dial: ${url.host} ${why}`);
  if (head === null) throw wrong('does not answer in HTTP/1.1');
  if (head.status !== 101) throw new UpgradeRefused(url.host, head, rest.toString('utf8'));
  const fault = upgradeFault(head, key, protocol, true);
  if (fault !== null) throw wrong(`answered the upgrade wrongly: ${fault}`);
  return head.fields.get('sec-websocket-protocol') ?? null;
}

function maskingFor(wire: Wire, url: URL, wayOut: WayOut): Masking {
  if (isSecure(url)) return 'zero';
  const peer = wire.socket.remoteAddress ?? '';
  const here = peer === '::1' || /^(?:::ffff:)?127\./.test(peer);
  return here && proxyOf(url, wayOut) === null ? 'zero' : 'random';
}
