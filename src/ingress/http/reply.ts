/** The responses that the server writes itself: error pages and its own endpoints. */
import { errorKinds, type SallyportError } from '../../errors.ts';
import { HTTP_RETRY_AFTER_S } from '../../limits.ts';
import { printable } from '../../net/printable.ts';
import type { OwnReply } from './own-endpoints.ts';

export interface ReplyOptions {
  /** Names the request in this reply and in the log. */
  readonly id: string;
  /** The method was HEAD: the body is announced and left out. */
  readonly headOnly: boolean;
  /** The connection closes after this. */
  readonly close: boolean;
  /** Value of WWW-Authenticate for a status of 401; empty for the one of our own endpoints. */
  readonly challenge: string;
  /** An HTTP/1.0 client is told that the connection stays open. */
  readonly old: boolean;
}

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** What `Accept` must hold for an answer in JSON. */
export function wantsJson(accept: string): boolean {
  return /(?:^|[,/+\s])json(?:$|[;,\s])/i.test(accept);
}

/** An error as a whole response: what, where, how to mend it, and the request's id. */
export function errorReply(error: SallyportError, json: boolean, options: ReplyOptions): Buffer {
  const { code } = error;
  const { hop, advice, http } = errorKinds[code];
  // An unforeseen failure is told to the log: its text could hold anything.
  const message =
    code === 'INTERNAL' ? 'internal error: see the server log' : printable(error.message);
  const body = json
    ? `${JSON.stringify({ error: { code, hop, message, advice, requestId: options.id } })}\n`
    : `${http} ${reasons[http] ?? 'Error'}: ${code} (at the ${hop})\n\n${message}\n${advice}\n\nRequest ${options.id}\n`;
  const headers: Record<string, string> = {
    'Content-Type': json ? 'application/json' : 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Sallyport-Error': code,
    'Sallyport-Request-Id': options.id,
  };
  if (http === 503) headers['Retry-After'] = String(HTTP_RETRY_AFTER_S);
  if (http === 401) headers['WWW-Authenticate'] = options.challenge || 'Bearer realm="sallyport"';
  return replyBytes({ status: http, headers, body }, options);
}

/** A whole response. */
export function replyBytes(reply: OwnReply, options: ReplyOptions): Buffer {
  const lines = [`HTTP/1.1 ${reply.status} ${reasons[reply.status] ?? 'Status'}`];
  lines.push(`Date: ${new Date().toUTCString()}`);
  for (const [name, value] of Object.entries(reply.headers ?? {})) lines.push(`${name}: ${value}`);
  lines.push(`Content-Length: ${Buffer.byteLength(reply.body)}`);
  if (options.close) lines.push('Connection: close');
  else if (options.old) lines.push('Connection: keep-alive');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${options.headOnly ? '' : reply.body}`);
}
