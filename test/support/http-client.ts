/** HTTP requests as a test wants them: any Host on any local port, nothing hidden, nothing retried. */
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { once } from 'node:events';
import { Readable } from 'node:stream';

export interface Question {
  port: number;
  path?: string;
  method?: string;
  /** The Host field. Default: the address itself. */
  host?: string;
  headers?: http.OutgoingHttpHeaders;
  body?: string | Buffer | Readable;
  /** PEM of the authority behind the server's certificate: the request goes by HTTPS. */
  ca?: string;
  /** Keeps connections alive between requests. Default: one connection for each request. */
  agent?: http.Agent;
  /** An interim answer has come, other than `100 Continue`. */
  information?(info: http.InformationEvent): void;
  /** The answer to `Expect: 100-continue`; present: the body waits for it. */
  proceed?(): void;
  /** Milliseconds until an unanswered request is given up. */
  timeout?: number;
}

export interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  trailers: NodeJS.Dict<string>;
  body: Buffer;
  text: string;
  /** From asking to the last byte of the answer, in milliseconds. */
  ms: number;
}

const TIMEOUT_MS = 30_000;

/** Sends the head and the body, and resolves with the head of the answer. */
export function open(question: Question): Promise<http.IncomingMessage> {
  const { port, path = '/', method = 'GET', host, ca, agent, body } = question;
  const request = (ca === undefined ? http : https).request({
    host: '127.0.0.1',
    port,
    path,
    method,
    ca,
    agent: agent ?? false,
    headers: { ...(host === undefined ? {} : { host }), ...question.headers },
    signal: AbortSignal.timeout(question.timeout ?? TIMEOUT_MS),
  });
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
  if (question.information) request.on('information', question.information);
  if (question.proceed) {
    request.on('continue', () => {
      question.proceed!();
      request.end(body);
    });
    request.flushHeaders();
  } else if (body instanceof Readable) body.pipe(request);
  else request.end(body);
  return answered;
}

/** A whole exchange. A body that breaks off is an error. */
export async function ask(question: Question): Promise<Reply> {
  const began = performance.now();
  const response = await open(question);
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  if (!response.complete) throw new Error('the answer broke off');
  const body = Buffer.concat(pieces);
  return {
    status: response.statusCode!,
    headers: response.headers,
    trailers: response.trailers,
    body,
    text: body.toString(),
    ms: performance.now() - began,
  };
}

/** Writes bytes to a fresh connection and gives all that came back once the other side has closed. */
export async function exchange(port: number, bytes: string | Buffer): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('the other side did not close')));
  socket.write(bytes);
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  await once(socket, 'close');
  return Buffer.concat(pieces).toString('latin1');
}
