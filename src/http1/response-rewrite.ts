/** Writes the head that the client gets: the target's, without what concerned the other hop only. */
import { bit, HOP_BY_HOP, UPGRADE } from './field-kinds.ts';
import { copyFields } from './field-copy.ts';
import { VERSION_BYTES, type ResponseHead } from './response-head.ts';

const version = Buffer.from('HTTP/1.1');
const lineEnd = Buffer.from('\r\n');

/** What the Connection field tells the client. */
export const connectionLines = {
  /** HTTP/1.1 stays open without a word. */
  silent: Buffer.alloc(0),
  keepAlive: Buffer.from('Connection: keep-alive\r\n'),
  close: Buffer.from('Connection: close\r\n'),
  upgrade: Buffer.from('Connection: upgrade\r\n'),
} as const;

/** Whether the connection stays open, as a client of HTTP/1.0 (`old`) or 1.1 is told. */
export function connectionLine(keepAlive: boolean, old: boolean): Buffer {
  if (!keepAlive) return connectionLines.close;
  return old ? connectionLines.keepAlive : connectionLines.silent;
}

/** Bytes that `rewriteResponse` may add to a head. */
export const RESPONSE_ROOM_BYTES = 64;

/** 101 and 426 speak of the protocols to change to. */
const SWITCHING = 101;
const UPGRADE_REQUIRED = 426;

/** As `rewriteRequest`, for a response. `connection` is one of `connectionLines`. */
export function rewriteResponse(
  head: ResponseHead,
  bytes: Buffer,
  base: number,
  connection: Buffer,
  out: Buffer,
  at: number,
): number {
  const speaksOfUpgrade = head.status === SWITCHING || head.status === UPGRADE_REQUIRED;
  const drop = speaksOfUpgrade ? HOP_BY_HOP & ~bit(UPGRADE) : HOP_BY_HOP;
  let from = 0;
  if (head.old) {
    at += version.copy(out, at);
    from = VERSION_BYTES;
  }
  at = copyFields(head.fields, head.connection, bytes, base, from, drop, out, at);
  if (connection.length > 0) at += connection.copy(out, at);
  return at + lineEnd.copy(out, at);
}
