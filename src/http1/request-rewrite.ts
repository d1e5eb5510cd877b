/** Writes the head that the target gets: the client's, without what concerned this hop only. */
import { AUTHORIZATION, bit, HOP_BY_HOP, HOST, UPGRADE, X_TOKEN } from './field-kinds.ts';
import { copyFields } from './field-copy.ts';
import type { ForwardingFields } from './forwarding.ts';
import type { RequestHead } from './request-head.ts';

/** What a route changes about a request. */
export interface RequestChanges {
  /** Offset from the head's first byte at which the target to send begins; `pathStart` unless a token was cut off. */
  targetFrom: number;
  /** Host line to send instead of the client's, or null. */
  hostLine: Buffer | null;
  /** The Authorization field was for us. */
  dropAuthorization: boolean;
  /** The X-Token field was for us. */
  dropToken: boolean;
}

const slash = Buffer.from('/');
const asterisk = Buffer.from('*');
const lineEnd = Buffer.from('\r\n');
const upgradeLine = Buffer.from('Connection: upgrade\r\n');
const keepAliveLine = Buffer.from('Connection: keep-alive\r\n');
const closeLine = Buffer.from('Connection: close\r\n');
const trailersLines = Buffer.from('Connection: te\r\nTE: trailers\r\n');

/** The lines above and the inserted slash, at their longest. */
const OWN_LINES_BYTES = 128;

/** Bytes of room that `rewriteRequest` needs for a head of `length` bytes. */
export function requestRoom(
  length: number,
  forwarding: ForwardingFields,
  changes: RequestChanges,
): number {
  return length + forwarding.room + (changes.hostLine?.length ?? 0) + OWN_LINES_BYTES;
}

/**
 * Writes the head at `at` in `out` and answers the offset behind it. The bytes are those of the last
 * `head.parse`. Hop-by-hop fields go first and ours are added last, so that no client can strip them.
 */
export function rewriteRequest(
  head: RequestHead,
  bytes: Buffer,
  base: number,
  changes: RequestChanges,
  forwarding: ForwardingFields,
  out: Buffer,
  at: number,
): number {
  const { fields } = head;
  let drop = HOP_BY_HOP | forwarding.drop;
  if (head.upgrade) drop &= ~bit(UPGRADE);
  if (changes.hostLine !== null) drop |= bit(HOST);
  if (changes.dropAuthorization) drop |= bit(AUTHORIZATION);
  if (changes.dropToken) drop |= bit(X_TOKEN);

  let from = head.line.methodStart;
  const { targetFrom } = changes;
  if (targetFrom !== head.line.targetStart) {
    at += bytes.copy(out, at, base + head.line.methodStart, base + head.line.targetStart);
    if (targetFrom === head.line.targetEnd || targetFrom === head.line.pathEnd)
      at += emptyPath(head, targetFrom).copy(out, at);
    from = targetFrom;
  }
  at = copyFields(fields, head.connection, bytes, base, from, drop, out, at);
  if (changes.hostLine !== null) at += changes.hostLine.copy(out, at);
  at = connectionLines(head, out, at);
  at = forwarding.write(fields, bytes, base, out, at);
  return at + lineEnd.copy(out, at);
}

/** What stands for an empty path: `/`, or `*` for OPTIONS of a whole server (RFC 9112, section 3.2.4). */
function emptyPath(head: RequestHead, targetFrom: number): Buffer {
  const wholeServer = head.method.name === 'OPTIONS' && head.pathStart === head.line.targetEnd;
  return wholeServer && targetFrom === head.line.targetEnd ? asterisk : slash;
}

function connectionLines(head: RequestHead, out: Buffer, at: number): number {
  if (head.upgrade) return at + upgradeLine.copy(out, at);
  if (!head.keepAlive) return at + closeLine.copy(out, at);
  if (head.line.old) return at + keepAliveLine.copy(out, at);
  return head.takesTrailers ? at + trailersLines.copy(out, at) : at;
}
