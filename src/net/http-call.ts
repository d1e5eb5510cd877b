/**
 * One request of our own to an HTTP service that an operator named: who to let in, which keys count.
 *
 * Redirects are not followed: what answers is what was named. Each call has a connection of its own,
 * so that no answer can belong to another question, unless its caller keeps connections to a service
 * that it trusts.
 */
import http from 'node:http';
import https from 'node:https';

export interface HttpCall {
  /** Default: GET. */
  readonly method?: string;
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
  /**
   * Keeps connections, of which the caller is in charge. When one of them breaks before the answer, the
   * call is made once more on a fresh one: it must be one that may arrive twice.
   */
  readonly agent?: http.Agent;
}

export interface HttpAnswer {
  readonly status: number;
  /** Value of a field, its name in lower case; null without one, and when it came twice. */
  field(name: string): string | null;
  /** All of them by names in lower case; of one that came several times the values with commas between. */
  readonly fields: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/**
 * Resolves with the whole answer, whatever its status. Rejects with an Error whose message is fit for
 * logs: it names neither the URL nor what was sent.
 */
export async function callHttp(url: URL, call: HttpCall): Promise<HttpAnswer> {
  const { headers = {}, timeoutMs, maxBytes, agent = false } = call;
  for (const [name, value] of Object.entries(headers)) {
    http.validateHeaderName(name);
    http.validateHeaderValue(name, value);
  }
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  let request: http.ClientRequest;
  const fail = (why: string): void => {
    reject(new Error(why));
    request.destroy();
  };

  function send(over: http.Agent | false): void {
    request = start(url, call, over);
    let answered = false;
    /** The connection had been kept and was closed before anything came: that says nothing of the call. */
    let stale = false;
    request.on('error', (error: NodeJS.ErrnoException) => {
      stale = request.reusedSocket && !answered && error.code === 'ECONNRESET';
      if (stale) send(false);
      else reject(new Error(`no connection (${error.code ?? error.name})`));
    });
    request.on('close', () => {
      if (!stale) reject(new Error('the connection ended before the answer'));
    });
    request.on('response', (response) => {
      answered = true;
      const pieces: Buffer[] = [];
      let length = 0;
      response.on('data', (piece: Buffer) => {
        length += piece.length;
        if (length > maxBytes) fail(`its answer has more than ${maxBytes} bytes`);
        else pieces.push(piece);
      });
      response.on('end', () => {
        if (response.complete) resolve(answerOf(response, Buffer.concat(pieces)));
      });
      response.on('error', () => {});
    });
    request.end(call.body ?? '');
  }

  send(agent);
  const timer = setTimeout(() => fail(`no whole answer within ${timeoutMs} ms`), timeoutMs);
  return promise.finally(() => clearTimeout(timer));
}

function start(url: URL, call: HttpCall, agent: http.Agent | false): http.ClientRequest {
  const { method = 'GET', headers = {}, ca, signal } = call;
  const options = { method, headers, agent, ...(signal === undefined ? {} : { signal }) };
  return url.protocol === 'https:'
    ? https.request(url, { ...options, ...(ca === undefined ? {} : { ca }) })
    : http.request(url, options);
}

function answerOf(response: http.IncomingMessage, body: Buffer): HttpAnswer {
  const fields = Object.entries(response.headersDistinct).map(([name, values = []]) => [
    name,
    values.join(', '),
  ]);
  return {
    status: response.statusCode!,
    field: (name) => onlyValue(response, name),
    fields: Object.fromEntries(fields) as Record<string, string>,
    body,
  };
}

function onlyValue(response: http.IncomingMessage, name: string): string | null {
  const values = response.headersDistinct[name];
  return values?.length === 1 ? values[0] : null;
}
