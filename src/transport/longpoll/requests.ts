/**
 * The requests of a polled link, made with node:http: two kept connections, so that one that waits
 * for bytes holds up none that brings some.
 */
import http from 'node:http';
import type net from 'node:net';
import { SallyportError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS, POLL_LAST_WORDS_MAX_BYTES } from '../../limits.ts';
import { openWayOut, type WayOut } from '../outgoing/way-out.ts';
import { POLL_PATH } from './messages.ts';

export interface PollRequest {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Behind POLL_PATH. */
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: readonly Buffer[];
  /** How long the answer may stay away, and then each of its bytes. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Called with the head of the answer; may set `onBytes`. */
  began(answer: PollAnswer): void;
}

export interface PollAnswer {
  readonly status: number;
  field(name: string): string | undefined;
  /** Takes the body piece by piece. Unset: it is kept as `text`, as far as last words may be long. */
  onBytes: ((bytes: Buffer) => void) | null;
  text: string;
}

export interface PollRequests {
  /** Resolves when the answer is whole. Rejects when it is not, or with what `onBytes` threw. */
  make(request: PollRequest): Promise<PollAnswer>;
  close(): void;
}

/** Through the way out, to the server of the URL; a path of it stands before POLL_PATH. */
export function createPollRequests(url: URL, wayOut: WayOut): PollRequests {
  const agents = { GET: createAgent(url, wayOut), POST: createAgent(url, wayOut) };
  const base = `${url.pathname.replace(/\/$/, '')}${POLL_PATH}`;

  function make(request: PollRequest): Promise<PollAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<PollAnswer>();
    const length = request.body.reduce((sum, piece) => sum + piece.length, 0);
    const sent = http.request({
      method: request.method,
      path: base + request.path,
      agent: request.method === 'GET' ? agents.GET : agents.POST,
      headers: {
        Host: url.host,
        ...request.fields,
        ...(request.method !== 'GET' && { 'Content-Length': length }),
        ...(length > 0 && { 'Content-Type': 'application/octet-stream' }),
      },
      signal: request.signal,
    });
    sent.setTimeout(request.waitMs, () =>
      sent.destroy(new Error(`no answer within ${request.waitMs} ms`)),
    );
    sent.on('error', reject);
    sent.on('response', (response) => {
      const answer: PollAnswer = {
        status: response.statusCode!,
        field(name) {
          const value = response.headers[name];
          return typeof value === 'string' ? value : undefined;
        },
        onBytes: null,
        text: '',
      };
      request.began(answer);
      response.on('data', (bytes: Buffer) => {
        try {
          if (answer.onBytes !== null) answer.onBytes(bytes);
          else if (answer.text.length < POLL_LAST_WORDS_MAX_BYTES) answer.text += String(bytes);
        } catch (thrown) {
          response.destroy(thrown as Error);
        }
      });
      response.on('error', reject);
      response.on('end', () => resolve(answer));
      response.on('close', () => {
        if (!response.complete) reject(new Error('the answer broke off'));
      });
    });
    for (const piece of request.body) sent.write(piece);
    sent.end();
    return promise;
  }

  return {
    make,
    close() {
      agents.GET.destroy();
      agents.POST.destroy();
    },
  };
}

/** Connections that go the way out. */
function createAgent(url: URL, wayOut: WayOut): http.Agent {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const closed = new AbortController();
  const destroy = agent.destroy.bind(agent);
  async function connect(done: (error: Error | null, socket?: net.Socket) => void): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => {
      const why = `no connection to ${url.host} within ${HANDSHAKE_TIMEOUT_MS} ms`;
      late.abort(new SallyportError('HANDSHAKE_TIMEOUT', `dial: ${why}`));
    }, HANDSHAKE_TIMEOUT_MS);
    try {
      const socket = await openWayOut(url, wayOut, AbortSignal.any([closed.signal, late.signal]));
      done(null, socket);
      socket.resume(); // a proxy was spoken with before, and the socket paused since
    } catch (thrown) {
      done(thrown as Error);
    } finally {
      clearTimeout(timer);
    }
  }
  return Object.assign(agent, {
    createConnection: (_options: unknown, done: (error: Error | null) => void) =>
      void connect(done),
    destroy() {
      closed.abort();
      destroy();
    },
  });
}
