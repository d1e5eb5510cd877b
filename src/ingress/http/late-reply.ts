/** The reply of an endpoint that took its connection over to answer later. It is the connection's last. */
import { STATUS_CODES } from 'node:http';
import { asSallyportError, type SallyportError } from '../../errors.ts';
import { HTTP_RETRY_AFTER_S } from '../../limits.ts';
import { printable } from '../../net/printable.ts';
import type { Wire } from '../../net/wire.ts';
import type { OwnReply } from './own-endpoints.ts';

/** Sends the reply and closes the connection once it has left. */
export function replyLate(wire: Wire, { status, headers = {}, body }: OwnReply): void {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Status'}`];
  lines.push(`Date: ${new Date().toUTCString()}`);
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  lines.push(`Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close');
  wire.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`));
  wire.endAndDestroy();
}

/** The reply that says what went wrong, as text. `status` stands in for that of the error. */
export function refusalReply(thrown: unknown, challenge: string | null, status?: number): OwnReply {
  const error = asSallyportError(thrown);
  const body = `${messageOf(error)}\n${error.advice}\n`;
  return refusal(error, status ?? error.http, challenge, 'text/plain; charset=utf-8', body);
}

/** The same in JSON, as programs read it. */
export function jsonRefusalReply(thrown: unknown, challenge: string | null): OwnReply {
  const error = asSallyportError(thrown);
  const { code, hop, advice, http } = error;
  const body = JSON.stringify({ error: { code, hop, message: messageOf(error), advice } });
  return refusal(error, http, challenge, 'application/json', `${body}\n`);
}

/** An unforeseen failure is told to the log: its text could hold anything. */
function messageOf({ code, message }: SallyportError): string {
  return code === 'INTERNAL' ? 'internal error: see the log' : printable(message);
}

function refusal(
  { code }: SallyportError,
  http: number,
  challenge: string | null,
  type: string,
  body: string,
): OwnReply {
  return {
    status: http,
    headers: {
      'Content-Type': type,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'Sallyport-Error': code,
      ...(http === 503 ? { 'Retry-After': String(HTTP_RETRY_AFTER_S) } : {}),
      ...(http === 401 ? { 'WWW-Authenticate': challenge ?? 'Bearer realm="sallyport"' } : {}),
    },
    body,
  };
}
