/** The one place that tells errors and warnings to the user. */
import type { Writable } from 'node:stream';
import { asSallyportError, type SallyportError } from '../errors.ts';

/** Writes the error to stderr, for people or as one line of JSON, and gives the exit code. */
export function reportError(thrown: unknown, stderr: Writable, json: boolean): number {
  const error = asSallyportError(thrown);
  const { code, hop, message, advice, exit } = error;
  if (json) {
    stderr.write(`${JSON.stringify({ error: { code, hop, message, advice, exit } })}\n`);
    return exit;
  }
  stderr.write(`sallyport: ${code}: ${message}\n  fix: ${advice}\n`);
  if (code === 'INTERNAL') stderr.write(`${stackOf(error)}\n`);
  return exit;
}

export function reportWarning(message: string, stderr: Writable, json: boolean): void {
  stderr.write(
    json ? `${JSON.stringify({ warning: message })}\n` : `sallyport: warning: ${message}\n`,
  );
}

function stackOf(error: SallyportError): string {
  const { cause } = error;
  return (cause instanceof Error ? cause.stack : error.stack) ?? '';
}
