/** One watch of the API: a response that does not end, with one event of JSON in each line. */
import type http from 'node:http';
import https from 'node:https';
import { asSallyportError, type SallyportError } from '../../../errors.ts';
import {
  KUBERNETES_OBJECT_MAX_BYTES,
  KUBERNETES_STATUS_MAX_BYTES,
  TCP_KEEPALIVE_MS,
} from '../../../limits.ts';
import type { ClusterPath } from '../cluster-path.ts';
import { apiFault, GONE, unavailable } from './api-fault.ts';

const LINE_END = 0x0a;

export interface WatchRequest {
  readonly path: ClusterPath;
  readonly url: URL;
  readonly token: string;
  /** PEM. */
  readonly ca: string;
  /** As in `ClusterAccess`. */
  readonly answerMs: number;
  readonly watchMs: number;
  readonly signal: AbortSignal;
  /** One event, not parsed. What it throws ends the watch. */
  event(text: string): void;
}

/**
 * Resolves when the watch is over: the server ends it after a time, and connections break. `gone`: the
 * server has forgotten the position that it was to go on from. Rejects with CLUSTER_DENIED or
 * CLUSTER_UNAVAILABLE where it did not begin, and with what `event` throws.
 */
export function followWatch(options: WatchRequest): Promise<'over' | 'gone'> {
  const { path, url, token, ca, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<'over' | 'gone'>();
  const fail = (error: SallyportError): void => {
    reject(error);
    request.destroy();
  };
  const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json' };
  const request = https.get(url, { headers, ca, agent: false, signal });
  request.setSocketKeepAlive(true, TCP_KEEPALIVE_MS);
  request.on('error', ({ code, name }: NodeJS.ErrnoException) => {
    reject(unavailable(path, `no connection to the API server (${code ?? name})`));
  });
  let timer = setTimeout(
    () => fail(unavailable(path, 'the API server did not answer the watch in time')),
    options.answerMs,
  );
  request.on('response', (response) => {
    // A connection that has died without a word ends here at the latest.
    const longest = response.statusCode === 200 ? options.watchMs : options.answerMs;
    clearTimeout(timer);
    timer = setTimeout(() => request.destroy(), longest);
    response.on('error', () => {});
    if (response.statusCode !== 200) {
      readStatus(response, (text) => {
        if (response.statusCode === GONE) resolve('gone');
        else reject(apiFault(path, 'watch', response.statusCode ?? 0, text));
      });
      return;
    }
    const lines = createLineReader(options.event, () =>
      unavailable(path, `an event of the watch has more than ${KUBERNETES_OBJECT_MAX_BYTES} bytes`),
    );
    response.on('data', (piece: Buffer) => {
      try {
        lines(piece);
      } catch (thrown) {
        fail(asSallyportError(thrown));
      }
    });
    response.on('close', () => resolve('over'));
  });
  return promise.finally(() => clearTimeout(timer));
}

/** The beginning of a body that is no watch. */
function readStatus(response: http.IncomingMessage, read: (text: string) => void): void {
  const pieces: Buffer[] = [];
  let length = 0;
  response.on('data', (piece: Buffer) => {
    if (length < KUBERNETES_STATUS_MAX_BYTES) pieces.push(piece);
    length += piece.length;
  });
  response.on('close', () => read(Buffer.concat(pieces).toString()));
}

/** Cuts what comes into lines; empty ones are left out. */
function createLineReader(
  line: (text: string) => void,
  tooLong: () => SallyportError,
): (piece: Buffer) => void {
  let kept: Buffer[] = [];
  let length = 0;
  return (piece) => {
    let start = 0;
    for (
      let end = piece.indexOf(LINE_END);
      end >= 0;
      start = end + 1, end = piece.indexOf(LINE_END, start)
    ) {
      const text = Buffer.concat([...kept, piece.subarray(start, end)]).toString();
      kept = [];
      length = 0;
      if (text.trim() !== '') line(text);
    }
    kept.push(piece.subarray(start));
    length += piece.length - start;
    if (length > KUBERNETES_OBJECT_MAX_BYTES) throw tooLong();
  };
}
