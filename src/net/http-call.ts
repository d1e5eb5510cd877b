/**
 * One request of our own to an HTTP service that an operator named: who to let in, which keys count.
 *
 * Redirects are not followed: what answers is what was named. Each call has a connection of its own,
 * so that no answer can belong to another question.
 */
import http from 'node:http';
import https from 'node:https';

export interface HttpCall {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** From the dial to the last byte of the answer, in milliseconds. */
  readonly timeoutMs: number;
  /** An answer whose body is longer is an error. */
  readonly maxBytes: number;
  /** Authorities (PEM) to trust for https, instead of the usual ones. */
  readonly ca?: string;
  /** Ends the call. */
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** Value of a field, its name in lower case; null without one, and when it came twice. */
  field(name: string): string | null;
  readonly body: Buffer;
}

/**
 * Resolves with the whole answer, whatever its status. Rejects with an Error whose message is fit for
 * logs: it names neither the URL nor what was sent.
 */
export async function callHttp(url: URL, call: HttpCall): Promise<HttpAnswer> {
  const { method = 'GET', headers = {}, body = '', timeoutMs, maxBytes, ca, signal } = call;
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const common = { method, headers, agent: false, ...(signal === undefined ? {} : { signal }) };
  const request =
    url.protocol === 'https:'
      ? https.request(url, { ...common, ...(ca === undefined ? {} : { ca }) })
      : http.request(url, common);
  const fail = (why: string): void => {
    reject(new Error(why));
    request.destroy();
  };
  const timer = setTimeout(() => fail(`no whole answer within ${timeoutMs} ms`), timeoutMs);
  request.on('error', (error: NodeJS.ErrnoException) => {
    reject(new Error(`no connection (${error.code ?? error.name})`));
  });
  request.on('close', () => {
    clearTimeout(timer);
    reject(new Error('the connection ended before the answer'));
  });
  request.on('response', (response) => {
    const pieces: Buffer[] = [];
    let length = 0;
    response.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length > maxBytes) fail(`its answer has more than ${maxBytes} bytes`);
      else pieces.push(piece);
    });
    response.on('end', () => {
      if (!response.complete) return;
      resolve({
        status: response.statusCode!,
        field: (name) => onlyValue(response, name),
        body: Buffer.concat(pieces),
      });
    });
    response.on('error', () => {});
  });
  request.end(body);
  return promise;
}

function onlyValue(response: http.IncomingMessage, name: string): string | null {
  const values = response.headersDistinct[name];
  return values?.length === 1 ? values[0] : null;
}
