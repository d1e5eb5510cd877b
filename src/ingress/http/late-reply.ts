/** The reply of an endpoint that took its connection over to answer later. It is the connection's last. */
import { STATUS_CODES } from 'node:http';
import { asSallyportError } from '../../errors.ts';
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
  const { code, advice } = error;
  const message = code === 'INTERNAL' ? 'internal error: see the log' : printable(error.message);
  const http = status ?? error.http;
  return {
    status: http,
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'Sallyport-Error': code,
      ...(http === 503 ? { 'Retry-After': String(HTTP_RETRY_AFTER_S) } : {}),
      ...(http === 401 ? { 'WWW-Authenticate': challenge ?? 'Bearer realm="sallyport"' } : {}),
    },
    body: `${message}\n${advice}\n`,
  };
}
