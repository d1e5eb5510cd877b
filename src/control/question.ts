/** What an operator asks for besides the operation itself: its parameter, filters and reason, checked. */
import { SallyportError } from '../errors.ts';
import { CONTROL_REASON_MAX_CHARS } from '../limits.ts';
import { createGlobs } from '../net/glob.ts';
import { quoted } from '../net/printable.ts';
import type { Operation } from './operations.ts';

export interface Question {
  /** The parameter in the path; null for operations without one. */
  readonly subject: string | null;
  /** Of one name, in the order they came. */
  values(name: string): readonly string[];
  /** Whether a text passes the filter of that name: one of its globs, or there are none. */
  passes(filter: string, text: string | null): boolean;
  /** What the operator says; null when nothing was said. */
  readonly reason: string | null;
}

/** Rejects with REQUEST_INVALID for what the operation does not take. */
export async function readQuestion(
  request: Request,
  operation: Operation,
  subject: string | null,
): Promise<Question> {
  const { searchParams } = new URL(request.url);
  const known = [...(operation.filters ?? []), ...(operation.parameters ?? [])];
  for (const name of searchParams.keys()) {
    if (known.includes(name)) continue;
    const takes = known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`;
    throw invalid(`${quoted(name)} is no parameter of this operation; ${takes}`);
  }
  const globs = new Map(
    known.map((name) => [name, createGlobs(searchParams.getAll(name).map(nonEmpty))]),
  );
  return {
    subject,
    values: (name) => searchParams.getAll(name),
    passes(filter, text) {
      const given = globs.get(filter);
      if (given === undefined || given.patterns.length === 0) return true;
      return text !== null && given.match(text);
    },
    reason: operation.method === 'post' ? reasonOf(operation, await readJson(request)) : null,
  };
}

function nonEmpty(value: string): string {
  if (value === '') throw invalid('a parameter of the query is empty');
  return value;
}

async function readJson(request: Request): Promise<unknown> {
  const text = await request.text();
  if (text === '') return {};
  // Pages of other sites can send plain text and forms without asking, but not this.
  const type = request.headers.get('Content-Type') ?? '';
  if (!/^application\/json\s*(?:;|$)/i.test(type))
    throw invalid('the body is not marked as Content-Type: application/json');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw invalid('the body is not JSON');
  }
}

function reasonOf({ reasoned }: Operation, body: unknown): string | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw invalid('the body is not an object');
  const { reason = null, ...rest } = body as Record<string, unknown>;
  const foreign = Object.keys(reasoned === undefined ? body : rest)[0];
  if (foreign !== undefined) throw invalid(`${quoted(foreign)} is nothing this operation takes`);
  if (reason === null) return null;
  if (typeof reason !== 'string' || reason === '' || reason.length > CONTROL_REASON_MAX_CHARS)
    throw invalid(`reason: give 1 to ${CONTROL_REASON_MAX_CHARS} characters`);
  return reason;
}

function invalid(why: string): SallyportError {
  return new SallyportError('REQUEST_INVALID', `control: ${why}`);
}
