/** A request as it stands in a message: taken apart for its target, without what concerns the tunnel only. */
import { SallyportError } from '../../errors.ts';
import { BodyTracker } from '../../http1/body.ts';
import { dechunk } from '../../http1/dechunk.ts';
import { INCOMPLETE } from '../../http1/field-section.ts';
import { expectRequestBody } from '../../http1/framing.ts';
import { RequestHead } from '../../http1/request-head.ts';

export interface RequestMessage {
  readonly method: string;
  /** Running it twice does no harm. */
  readonly repeatable: boolean;
  /** Path and query. */
  readonly target: string;
  readonly xHost: string | null;
  /** What goes on to the target: neither Host nor framing. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Without transfer coding; null: there is none, nor an empty one. */
  readonly body: Buffer | null;
}

/** Of one connection, or of this tunnel. Framing is made anew. */
const notPassedOn: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'trailers',
  'transfer-encoding',
  'upgrade',
  'x-host',
  'x-token',
]);

const reader = new RequestHead();

/** Throws REQUEST_INVALID, REQUEST_TOO_LONG or REQUEST_UNSUPPORTED. */
export function readRequestMessage(bytes: Buffer): RequestMessage {
  reader.reset();
  const after = reader.parse(bytes, 0, bytes.length);
  if (after === INCOMPLETE) throw invalid('its head is not whole');
  const tracker = new BodyTracker('REQUEST_INVALID');
  expectRequestBody(tracker, reader);
  const body = bytes.subarray(after, after + tracker.feed(bytes, after, bytes.length));
  if (!tracker.done) throw invalid('its body is not whole');
  const all = Array.from({ length: reader.fields.count }, (_, index) => fieldAt(bytes, index));
  const named = all.filter(([name]) => name.toLowerCase() === 'connection');
  const hop = new Set(named.flatMap(([, value]) => value.toLowerCase().split(/[ \t]*,[ \t]*/)));
  const hosts = all.filter(([name]) => name.toLowerCase() === 'x-host');
  if (hosts.length > 1) throw invalid('it has two X-Host fields');
  const { line } = reader;
  const target = bytes.toString('latin1', reader.pathStart, line.targetEnd);
  return {
    method: reader.method.name,
    repeatable: reader.method.idempotent,
    target: target === '*' || target.startsWith('/') ? target : `/${target}`,
    xHost: hosts[0]?.[1] ?? null,
    fields: all.filter(([name]) => {
      const key = name.toLowerCase();
      return !notPassedOn.has(key) && !hop.has(key);
    }),
    body: reader.chunked ? dechunk(body) : reader.length >= 0 ? body : null,
  };
}

function fieldAt(bytes: Buffer, index: number): [string, string] {
  const { fields } = reader;
  const name = bytes.toString('latin1', fields.nameStart(index), fields.nameEnd(index));
  return [name, fields.text(bytes, 0, index)];
}

function invalid(why: string): SallyportError {
  return new SallyportError('REQUEST_INVALID', `request: ${why}`);
}
