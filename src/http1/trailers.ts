/**
 * Trailer fields that a relay must not let pass: framing, routing, access and request modifiers that
 * a lax origin could merge into the header section; RFC 9110, section 6.5.1.
 */

const forbidden = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'authorization',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
  'x-real-ip',
  'x-token',
]);
const forbiddenPrefix = 'x-forwarded';

/** How many bytes of a name decide. */
export const TRAILER_NAME_BYTES = 24;

/** Whether the lower-case name may not come as a trailer. A longer name is given by its first bytes. */
export function isForbiddenTrailer(name: Buffer, length: number): boolean {
  const text = name
    .toString('latin1', 0, Math.min(length, TRAILER_NAME_BYTES))
    .replaceAll('_', '-');
  return text.startsWith(forbiddenPrefix) || (length <= TRAILER_NAME_BYTES && forbidden.has(text));
}
