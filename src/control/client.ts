/** The control API as its users call it. */
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { z } from 'zod';
import { isErrorCode, SallyportError } from '../errors.ts';
import {
  CONTROL_ANSWER_MAX_BYTES,
  CONTROL_ANSWER_TIMEOUT_MS,
  CONTROL_MESSAGE_MAX_CHARS,
  EVENT_KEEP_ALIVE_MS,
} from '../limits.ts';
import { createBackoff } from '../net/backoff.ts';
import { printable } from '../net/printable.ts';
import { openWayOut, type WayOut } from '../transport/outgoing/way-out.ts';
import { readMessages } from './event-source.ts';
import { operations, pathOf, type Operation, type OperationId } from './operations.ts';

export interface ControlClientOptions {
  /** http, https, ws or wss; a path before `/api/v1` is kept. */
  readonly server: URL;
  readonly token: string;
  readonly wayOut: WayOut;
  /** Sent as User-Agent. */
  readonly program: string;
}

/** What an operation answers. */
export type AnswerOf<Id extends OperationId> = (typeof operations)[Id]['content'] extends {
  readonly view: infer View extends z.ZodType;
}
  ? z.output<View>
  : never;

export interface Wish {
  /** What stands in the path. */
  readonly subject?: string;
  readonly query?: Readonly<Record<string, readonly string[]>>;
  readonly reason?: string;
}

/** An event, or `lagged`: some were missed, and what there is has to be looked at again. */
export interface Told {
  readonly type: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface Following {
  readonly query?: Readonly<Record<string, readonly string[]>>;
  /** `RUN-SEQ` of a list to go on from. Default: from now on. */
  readonly after?: string;
  /** The connection was lost; the next attempt follows in `waitMs`. */
  lost?(error: SallyportError, waitMs: number): void;
  readonly signal: AbortSignal;
}

export interface ControlClient {
  /**
   * Rejects with what the server refuses with, SERVER_UNREACHABLE, SERVER_TLS, a PROXY code,
   * SERVER_NOT_SALLYPORT, or the reason of the signal.
   */
  ask<Id extends OperationId>(id: Id, wish: Wish, signal: AbortSignal): Promise<AnswerOf<Id>>;
  /**
   * Events as they happen. Once it has stood, or after a list, a connection that is lost is made again, and goes on
   * where it was; only what dialling again cannot mend is thrown. Ends when the signal is aborted.
   */
  follow(following: Following): AsyncGenerator<Told>;
}

export function createControlClient(options: ControlClientOptions): ControlClient {
  const { server, token, wayOut, program } = options;
  const base = server.pathname.replace(/\/$/, '');

  async function send(
    id: OperationId,
    { subject = '', query = {}, reason }: Wish,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const { method }: Operation = operations[id];
    const socket = await openWayOut(server, wayOut, signal);
    const path = pathOf(id).replace(/\{\w+\}/, encodeURIComponent(subject));
    const search = new URLSearchParams(
      Object.entries(query).flatMap(([name, values]) => values.map((value) => [name, value])),
    );
    const body = reason === undefined ? '' : JSON.stringify({ reason });
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const request = http.request({
      createConnection: () => socket,
      method: method.toUpperCase(),
      path: `${base}${path}${search.size === 0 ? '' : `?${search.toString()}`}`,
      headers: {
        Host: server.host,
        ...(token === '' ? {} : { Authorization: `Bearer ${token}` }),
        Accept: 'application/json',
        'User-Agent': program,
        ...(body === '' ? {} : { 'Content-Type': 'application/json' }),
        'Content-Length': Buffer.byteLength(body),
        ...headers,
      },
      signal,
    });
    request.on('response', resolve);
    request.on('error', (error) => reject(signal.aborted ? (signal.reason as Error) : lost(error)));
    request.end(body);
    return promise;
  }

  /** What went wrong on the way, in words that name the server. */
  function lost(error: Error): SallyportError {
    const why = `${server.host} broke off: ${(error as NodeJS.ErrnoException).code ?? error.message}`;
    return new SallyportError('SERVER_UNREACHABLE', `control: ${why}`, { cause: error });
  }

  async function read(response: http.IncomingMessage): Promise<string> {
    const pieces: Buffer[] = [];
    let length = 0;
    try {
      for await (const piece of response as AsyncIterable<Buffer>) {
        length += piece.length;
        if (length > CONTROL_ANSWER_MAX_BYTES) throw foreign('its answer is too long');
        pieces.push(piece);
      }
    } catch (thrown) {
      throw thrown instanceof SallyportError ? thrown : lost(thrown as Error);
    }
    return Buffer.concat(pieces).toString();
  }

  function foreign(why: string): SallyportError {
    return new SallyportError('SERVER_NOT_SALLYPORT', `control: ${server.host}: ${why}`);
  }

  async function demand(response: http.IncomingMessage): Promise<void> {
    if (response.statusCode === 200) return;
    const named = refusalOf(await read(response));
    if (named?.code === 'ROUTE_UNKNOWN') {
      const why = 'is not there; a server with control_listen has it at that address only';
      throw new SallyportError('ROUTE_UNKNOWN', `control of ${server.host}: ${why}`);
    }
    throw named ?? foreign(`it answered ${response.statusCode} without a reason`);
  }

  async function ask<Id extends OperationId>(
    id: Id,
    wish: Wish,
    signal: AbortSignal,
  ): Promise<AnswerOf<Id>> {
    const why = `${server.host} did not answer within ${CONTROL_ANSWER_TIMEOUT_MS} ms`;
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(new SallyportError('SERVER_UNREACHABLE', `control: ${why}`)),
      CONTROL_ANSWER_TIMEOUT_MS,
    );
    try {
      const response = await send(id, wish, {}, AbortSignal.any([signal, late.signal]));
      await demand(response);
      const { content }: Operation = operations[id];
      const value = parsed(await read(response));
      const checked = content.type === 'json' ? content.view.safeParse(value) : null;
      if (checked?.success !== true) throw foreign('its answer has another shape');
      return checked.data as AnswerOf<Id>;
    } finally {
      clearTimeout(timer);
    }
  }

  async function* follow({ query = {}, after, lost: told, signal }: Following) {
    const backoff = createBackoff();
    let place = after ?? '';
    // Who has a list has been answered once.
    let stood = after !== undefined;
    while (!signal.aborted) {
      try {
        const headers = {
          Accept: 'text/event-stream',
          ...(place === '' ? {} : { 'Last-Event-ID': place }),
        };
        const silence = new AbortController();
        const response = await send(
          'events.follow',
          { query },
          headers,
          AbortSignal.any([signal, silence.signal]),
        );
        await demand(response);
        // A server that is gone without a word: its keep-alives are missing.
        response.socket.setTimeout(3 * EVENT_KEEP_ALIVE_MS, () =>
          silence.abort(new SallyportError('SERVER_UNREACHABLE', 'control: the server is silent')),
        );
        stood = true;
        backoff.reset();
        for await (const { id, event, data } of readMessages(response as AsyncIterable<Buffer>)) {
          if (id !== '') place = id;
          if (data !== '') yield { type: event, value: parsed(data) as Told['value'] };
        }
        throw lost(new Error('the stream of events ended'));
      } catch (thrown) {
        if (signal.aborted) return;
        const error = thrown instanceof SallyportError ? thrown : lost(thrown as Error);
        if (!stood || error.fatal) throw error;
        const waitMs = Math.round(backoff.next());
        told?.(error, waitMs);
        await pause(waitMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  function parsed(text: string): unknown {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw foreign('its answer is no JSON');
    }
  }

  return { ask, follow };
}

/** The error that a Sallyport server named in its body. */
function refusalOf(body: string): SallyportError | null {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown; message?: unknown } };
    if (typeof error?.code !== 'string' || !isErrorCode(error.code)) return null;
    // What follows the first line stands in, so that it cannot be taken for a line of ours.
    const message = String(error.message).slice(0, CONTROL_MESSAGE_MAX_CHARS).split(/\n\s*/);
    return new SallyportError(error.code, message.map(printable).join('\n  '));
  } catch {
    return null;
  }
}
