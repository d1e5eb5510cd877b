/**
 * The fields that a relay has to know, told apart by length and bytes. All others are `OTHER`: they
 * are carried along and never looked at.
 *
 * Many origins fold `_` and `-` of a field name into one (CGI, WSGI and their heirs). A forwarding
 * field spelled with underscores would reach them as the real one, so it has a kind of its own and
 * never passes.
 */
import { beginsWith, lowerCase } from './characters.ts';

export const OTHER = 0;
export const HOST = 1;
export const CONTENT_LENGTH = 2;
export const TRANSFER_ENCODING = 3;
export const CONNECTION = 4;
export const KEEP_ALIVE = 5;
export const PROXY_CONNECTION = 6;
export const PROXY_AUTHENTICATE = 7;
export const PROXY_AUTHORIZATION = 8;
export const TE = 9;
export const UPGRADE = 10;
export const TRAILER = 11;
export const EXPECT = 12;
export const AUTHORIZATION = 13;
export const COOKIE = 14;
export const X_TOKEN = 15;
export const FORWARDED = 16;
export const X_FORWARDED_FOR = 17;
export const X_FORWARDED_PROTO = 18;
export const X_FORWARDED_HOST = 19;
/** `X-Forwarded-Port` and whatever else begins so, and `X-Real-IP`. */
export const X_FORWARDED_OTHER = 20;
/** A forwarding field spelled with an underscore. */
export const FORWARDED_ALIAS = 21;

/** The bit of a kind in a set of kinds. */
export const bit = (kind: number): number => 1 << kind;

/** Fields that concern one connection only; RFC 9110, section 7.6.1. */
export const HOP_BY_HOP =
  bit(CONNECTION) |
  bit(KEEP_ALIVE) |
  bit(PROXY_CONNECTION) |
  bit(PROXY_AUTHENTICATE) |
  bit(PROXY_AUTHORIZATION) |
  bit(TE) |
  bit(UPGRADE);
/** What tells a target who its client is. */
export const FORWARDING =
  bit(FORWARDED) |
  bit(X_FORWARDED_FOR) |
  bit(X_FORWARDED_PROTO) |
  bit(X_FORWARDED_HOST) |
  bit(X_FORWARDED_OTHER) |
  bit(FORWARDED_ALIAS);

interface Known {
  readonly name: Uint8Array;
  readonly kind: number;
}

const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;

/** Known names by their length; `forwarding` ones also match with underscores. */
const knownByLength: Known[][] = Array.from({ length: 20 }, () => []);
const forwardingByLength: Known[][] = Array.from({ length: 20 }, () => []);

const know = (name: string, kind: number): void => {
  const table = bit(kind) & FORWARDING ? forwardingByLength : knownByLength;
  table[name.length].push({ name: Buffer.from(name), kind });
};
know('host', HOST);
know('content-length', CONTENT_LENGTH);
know('transfer-encoding', TRANSFER_ENCODING);
know('connection', CONNECTION);
know('keep-alive', KEEP_ALIVE);
know('proxy-connection', PROXY_CONNECTION);
know('proxy-authenticate', PROXY_AUTHENTICATE);
know('proxy-authorization', PROXY_AUTHORIZATION);
know('te', TE);
know('upgrade', UPGRADE);
know('trailer', TRAILER);
know('expect', EXPECT);
know('authorization', AUTHORIZATION);
know('cookie', COOKIE);
know('x-token', X_TOKEN);
know('forwarded', FORWARDED);
know('x-forwarded-for', X_FORWARDED_FOR);
know('x-forwarded-proto', X_FORWARDED_PROTO);
know('x-forwarded-host', X_FORWARDED_HOST);
know('x-real-ip', X_FORWARDED_OTHER);

const forwardedPrefix = Buffer.from('x-forwarded');

/** The kind of the field name at `[start, end)`. */
export function fieldKind(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < knownByLength.length) {
    const known = knownByLength[length];
    for (let i = 0; i < known.length; i++) {
      if (beginsWith(bytes, start, known[i].name)) return known[i].kind;
    }
    const forwarding = forwardingByLength[length];
    for (let i = 0; i < forwarding.length; i++) {
      if (matchesFolded(bytes, start, forwarding[i].name)) {
        return hasUnderscore(bytes, start, end) ? FORWARDED_ALIAS : forwarding[i].kind;
      }
    }
  }
  if (length >= forwardedPrefix.length && matchesFolded(bytes, start, forwardedPrefix)) {
    return hasUnderscore(bytes, start, end) ? FORWARDED_ALIAS : X_FORWARDED_OTHER;
  }
  return OTHER;
}

function matchesFolded(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + i];
    if ((byte === UNDERSCORE ? HYPHEN : lowerCase[byte]) !== name[i]) return false;
  }
  return true;
}

function hasUnderscore(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === UNDERSCORE) return true;
  return false;
}
