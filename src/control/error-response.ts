/** What an operator reads of a failure: the same shape as errors of the ingress have. */
import { asSallyportError, type SallyportError } from '../errors.ts';
import { HTTP_RETRY_AFTER_S } from '../limits.ts';
import { printableLines } from '../net/printable.ts';

/** For all answers: nothing is kept, guessed at, or put into a frame. */
export const safeHeaders: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
};

export function errorResponse(thrown: unknown, requestId: string): Response {
  const error = asSallyportError(thrown);
  const { code, hop, advice, http } = error;
  const headers: Record<string, string> = { ...safeHeaders, 'Sallyport-Error': code };
  if (http === 503) headers['Retry-After'] = String(HTTP_RETRY_AFTER_S);
  if (http === 401) headers['WWW-Authenticate'] = 'Bearer realm="sallyport"';
  const body = { error: { code, hop, message: messageOf(error), advice, requestId } };
  return Response.json(body, { status: http, headers });
}

/** An unforeseen failure is told to the log: its text could hold anything. */
function messageOf({ code, message }: SallyportError): string {
  return code === 'INTERNAL' ? 'internal error: see the log' : printableLines(message);
}
