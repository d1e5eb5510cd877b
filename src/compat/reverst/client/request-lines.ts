/** A request as it goes to a target, in HTTP/1.1. */
import type { RequestHead } from '../http3/heads.ts';

export interface Framing {
  /** Length of the body; null: it comes in chunks. */
  readonly length: number | null;
  /** The connection may be kept behind the response. */
  readonly keep: boolean;
}

/**
 * The head. Host stays as the caller wrote it; `peer`, who the request came from, is added to
 * X-Forwarded-For.
 */
export function requestLines(head: RequestHead, { length, keep }: Framing, peer: string): Buffer {
  const { method, path, authority } = head;
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${authority}`];
  const forwardedFor: string[] = [];
  let trailersWanted = false;
  for (const [name, value] of head.fields) {
    if (name === 'x-forwarded-for') forwardedFor.push(value);
    else if (name === 'te') trailersWanted = true;
    else if (!hopByHop.has(name)) lines.push(`${name}: ${value}`);
  }
  lines.push(`X-Forwarded-For: ${[...forwardedFor, peer].join(', ')}`);
  if (length === null) lines.push('Transfer-Encoding: chunked');
  else if (length > 0 || head.contentLength !== null || saysLength.has(method))
    lines.push(`Content-Length: ${length}`);
  // HTTP/3 lets nothing else pass than `trailers`.
  if (trailersWanted) lines.push('TE: trailers');
  const options = [...(keep ? [] : ['close']), ...(trailersWanted ? ['te'] : [])];
  if (options.length > 0) lines.push(`Connection: ${options.join(', ')}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** Those of one connection that HTTP/3 does not refuse by itself. */
const hopByHop: ReadonlySet<string> = new Set(['proxy-authorization']);

/** Methods that have a body in general: without one they say so (RFC 9110, section 8.6). */
const saysLength: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
