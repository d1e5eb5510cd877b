/** The responses that the server writes itself: error pages and its own endpoints. */
import { STATUS_CODES } from 'node:http';
import type { SallyportError } from '../../errors.ts';
import { HTTP_RETRY_AFTER_S } from '../../limits.ts';
import { printable } from '../../net/printable.ts';
import type { Wire } from '../../net/wire.ts';
import type { Exchange } from './exchange.ts';
import type { OwnReply } from './own-endpoints.ts';

/** What `Accept` must hold for an answer in JSON. */
const json = /(?:^|[,/+\s])json(?:$|[;,\s])/i;

/** Answers with an error: what, where, how to mend it, and the request's id. */
export function sendError(
  wire: Wire,
  error: SallyportError,
  exchange: Exchange,
  goOn: boolean,
): void {
  const { code, hop, advice, http } = error;
  // An unforeseen failure is told to the log: its text could hold anything.
  const internal = code === 'INTERNAL';
  const message = internal ? 'internal error: see the log' : printable(error.message);
  const inJson = json.test(exchange.accepts());
  const { id } = exchange;
  const body = inJson
    ? JSON.stringify({ error: { code, hop, message, advice, requestId: id } })
    : `${http} ${STATUS_CODES[http]}: ${code} (at the ${hop})\n\n${message}\n${advice}\n\nRequest ${id}`;
  const headers: Record<string, string> = {
    'Content-Type': inJson ? 'application/json' : 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Sallyport-Error': code,
    'Sallyport-Request-Id': id,
  };
  if (http === 503 || http === 429) headers['Retry-After'] = String(HTTP_RETRY_AFTER_S);
  if (http === 401) headers['WWW-Authenticate'] = exchange.challenge || 'Bearer realm="sallyport"';
  sendOwn(wire, { status: http, headers, body: `${body}\n` }, exchange, goOn);
}

/** Sends a whole response of our own. `goOn`: the connection stays open after it. */
export function sendOwn(wire: Wire, reply: OwnReply, exchange: Exchange, goOn: boolean): void {
  const { status, headers = {}, body } = reply;
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Status'}`];
  lines.push(`Date: ${new Date().toUTCString()}`);
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  if (!goOn) lines.push('Connection: close');
  else if (exchange.old) lines.push('Connection: keep-alive');
  exchange.status = status;
  wire.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${exchange.method.headOnly ? '' : body}`));
}
