/** A server's answer that is not the one hoped for, as an error. */
import { isErrorCode, SallyportError } from '../errors.ts';
import { FAILURE_MESSAGE_MAX_CHARS } from '../limits.ts';
import { printable } from '../net/printable.ts';

/** The error that a Sallyport server named in its JSON body, or what the status means elsewhere. */
export function refusalOf(
  { host }: URL,
  { status, reason }: { readonly status: number; readonly reason: string },
  body: string,
): SallyportError {
  return (
    namedIn(body) ??
    unnamed(`dial: ${host} answered ${status} ${printable(reason)}`.trimEnd(), status)
  );
}

function namedIn(body: string): SallyportError | null {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown; message?: unknown } };
    if (typeof error?.code !== 'string' || !isErrorCode(error.code)) return null;
    const message = String(error.message).slice(0, FAILURE_MESSAGE_MAX_CHARS);
    return new SallyportError(error.code, message);
  } catch {
    return null;
  }
}

function unnamed(answer: string, status: number): SallyportError {
  if (status === 401) return new SallyportError('AUTH_FAILED', answer);
  if (status === 403) return new SallyportError('DENIED', answer);
  if (status >= 500) return new SallyportError('SERVER_UNREACHABLE', answer);
  return new SallyportError('SERVER_NOT_SALLYPORT', `${answer} to our request`);
}
