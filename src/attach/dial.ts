/** Dials a server: the way out, the WebSocket upgrade, and the link that stands after it. */
import type net from 'node:net';
import { isErrorCode, SallyportError } from '../errors.ts';
import {
  FAILURE_MESSAGE_MAX_CHARS,
  HANDSHAKE_TIMEOUT_MS,
  HTTP_HEAD_MAX_BYTES,
  LINK_SLAB_BYTES,
} from '../limits.ts';
import { SlabPool, type Slab } from '../net/slab.ts';
import { Wire, type WireReader } from '../net/wire.ts';
import type { Link } from '../transport/link.ts';
import { isSecure, openWayOut, type WayOut } from '../transport/outgoing/way-out.ts';
import {
  newKey,
  readResponseHead,
  upgradeFault,
  upgradeRequest,
  type ResponseHead,
} from '../transport/websocket/handshake.ts';
import { WebSocketLink, type Masking } from '../transport/websocket/link.ts';
import { PROTOCOL } from './messages.ts';

export const ATTACH_PATH = '/api/v1/attach';

/** Slabs of all links of this process. */
export const linkSlabs = new SlabPool(LINK_SLAB_BYTES);

export interface DialOptions {
  /** ws, wss, http or https; a path before `/api/v1/attach` is kept. */
  url: URL;
  token: string;
  /** How to get there. */
  wayOut?: WayOut;
  /** Sent as User-Agent. */
  program: string;
  /** Masks with random keys even where nobody can read the frames. */
  randomMask?: boolean;
  signal: AbortSignal;
}

/**
 * Resolves with a link whose bytes have not been read yet. Rejects with SERVER_UNREACHABLE,
 * SERVER_TLS, SERVER_NOT_SALLYPORT, HANDSHAKE_TIMEOUT, a PROXY code, the error the server named, or
 * the reason of the signal when that is aborted. Throws USAGE when the URL or the token cannot stand
 * in a request.
 */
export async function dial(options: DialOptions): Promise<Link> {
  const { url } = options;
  const key = newKey();
  const path = `${url.pathname.replace(/\/$/, '')}${ATTACH_PATH}`;
  const request = upgradeRequest(path, url.host, key, PROTOCOL, {
    Authorization: `Bearer ${options.token}`,
    Accept: 'application/json',
    'User-Agent': options.program,
  });
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(tooLate(url)), HANDSHAKE_TIMEOUT_MS);
  const signal = AbortSignal.any([options.signal, late.signal]);
  try {
    const socket = await openWayOut(url, options.wayOut ?? {}, signal);
    return await upgrade(socket, request, key, { ...options, signal });
  } finally {
    clearTimeout(timer);
  }
}

function tooLate({ host }: URL): SallyportError {
  const why = `${host} did not answer within ${HANDSHAKE_TIMEOUT_MS} ms`;
  return new SallyportError('HANDSHAKE_TIMEOUT', `dial: ${why}`);
}

/** Asks for the upgrade on a fresh connection. */
function upgrade(
  socket: net.Socket,
  request: string,
  key: string,
  options: DialOptions,
): Promise<Link> {
  const { promise, resolve, reject } = Promise.withResolvers<Link>();
  const { url, signal } = options;
  const reader = new UpgradeReader(
    (head, body) => {
      const outcome = judge(head, body, key, url);
      if (outcome instanceof SallyportError) fail(outcome);
      else finish(() => resolve(new WebSocketLink(wire, maskingFor(wire, options))));
    },
    (error) => fail(error),
    (error) => lost(url, error),
  );
  const wire = Wire.accept(socket, linkSlabs, reader);
  const abort = (): void => fail(signal.reason as Error);

  function finish(then: () => void): void {
    signal.removeEventListener('abort', abort);
    then();
  }
  function fail(error: Error): void {
    finish(() => reject(error));
    wire.destroy();
  }

  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  else wire.write(Buffer.from(request));
  return promise;
}

/** A zero key where no intermediary can read the frames or be confused by them, else random ones. */
function maskingFor(wire: Wire, { url, wayOut, randomMask }: DialOptions): Masking {
  if (randomMask) return 'random';
  if (isSecure(url)) return 'zero';
  const peer = wire.socket.remoteAddress ?? '';
  const here = peer === '::1' || peer.replace('::ffff:', '').startsWith('127.');
  return here && !wayOut?.proxy ? 'zero' : 'random';
}

/** Reads the response to the upgrade, and for a refusal its body; then leaves the wire to the link. */
class UpgradeReader implements WireReader {
  #answer: (head: ResponseHead | null, body: string) => void;
  #fail: (error: SallyportError) => void;
  #named: (error: Error | null) => SallyportError;
  #bytes = Buffer.alloc(0);
  #head: ResponseHead | null = null;
  #done = false;

  constructor(
    answer: (head: ResponseHead | null, body: string) => void,
    fail: (error: SallyportError) => void,
    named: (error: Error | null) => SallyportError,
  ) {
    this.#answer = answer;
    this.#fail = fail;
    this.#named = named;
  }

  read(slab: Slab, start: number, end: number): boolean {
    if (this.#done) return false;
    this.#bytes = Buffer.concat([this.#bytes, slab.bytes.subarray(start, end)]);
    if (this.#head === null) {
      const stop = this.#bytes.indexOf('\r\n\r\n');
      if (stop < 0) {
        if (this.#bytes.length > HTTP_HEAD_MAX_BYTES) this.#finish(null);
        return true;
      }
      this.#head = readResponseHead(this.#bytes.toString('latin1', 0, stop));
      // After its 101 a server waits for our hello: nothing of the link can stand behind the head.
      this.#bytes = this.#bytes.subarray(stop + 4);
    }
    const whole = this.#head === null || this.#head.status === 101 || this.#bodyIsWhole();
    if (whole) this.#finish(this.#head);
    return !whole || this.#head?.status === 101;
  }

  #bodyIsWhole(): boolean {
    const length = Number(this.#head!.fields.get('content-length') ?? Number.POSITIVE_INFINITY);
    return !(this.#bytes.length < Math.min(length, HTTP_HEAD_MAX_BYTES));
  }

  #finish(head: ResponseHead | null): void {
    if (this.#done) return;
    this.#done = true;
    this.#answer(head, this.#bytes.toString('utf8'));
  }

  ended(): void {
    if (this.#head !== null) this.#finish(this.#head);
    else this.#fail(this.#named(null));
  }

  closed(error: Error | null): void {
    if (!this.#done) this.#fail(this.#named(error));
  }
}

/** True for an upgrade that succeeded, else the error to report. */
function judge(
  head: ResponseHead | null,
  body: string,
  key: string,
  url: URL,
): true | SallyportError {
  if (head === null) {
    return new SallyportError(
      'SERVER_NOT_SALLYPORT',
      `dial: ${url.host} does not answer in HTTP/1.1`,
    );
  }
  if (head.status === 101) {
    const fault = upgradeFault(head, key, PROTOCOL);
    if (fault === null && body.length === 0) return true;
    const why = fault ?? 'it sent bytes before our hello';
    return new SallyportError(
      'SERVER_NOT_SALLYPORT',
      `dial: ${url.host} answered the upgrade wrongly: ${why}`,
    );
  }
  return refusalOf(body) ?? unnamedRefusal(head, url);
}

/** The error that a Sallyport server named in its JSON body. */
function refusalOf(body: string): SallyportError | null {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown; message?: unknown } };
    if (typeof error?.code !== 'string' || !isErrorCode(error.code)) return null;
    return new SallyportError(
      error.code,
      String(error.message).slice(0, FAILURE_MESSAGE_MAX_CHARS),
    );
  } catch {
    return null;
  }
}

function unnamedRefusal(head: ResponseHead, url: URL): SallyportError {
  const answer = `dial: ${url.host} answered ${head.status} ${head.reason}`.trimEnd();
  if (head.status === 401) return new SallyportError('AUTH_FAILED', answer);
  if (head.status === 403) return new SallyportError('DENIED', answer);
  if (head.status >= 500) return new SallyportError('SERVER_UNREACHABLE', answer);
  return new SallyportError('SERVER_NOT_SALLYPORT', `${answer} to the upgrade`);
}

function lost({ host }: URL, error: NodeJS.ErrnoException | null): SallyportError {
  const why =
    error === null
      ? 'it closed the connection during the handshake'
      : `${error.code ?? ''} ${error.message}`.trim();
  return new SallyportError('SERVER_UNREACHABLE', `dial ${host}: ${why}`, { cause: error });
}
