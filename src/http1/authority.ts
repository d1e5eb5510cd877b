/** The authority of a Host field or an absolute-form target, checked byte by byte. */
import { classes, COLON, DIGIT, DOT, IPV6, LABEL } from './characters.ts';

const OPENING = 0x5b;
const CLOSING = 0x5d;
/** RFC 1035, section 2.3.4; a trailing dot is not counted. Unit: bytes. */
const NAME_MAX_BYTES = 253;
const LABEL_MAX_BYTES = 63;
const PORT_MAX = 65_535;

/** What `hostEnd` answers for something that is not a host with an optional port. */
export const NOT_AN_AUTHORITY = -1;

/**
 * Checks `host[:port]` in `[start, end)` and answers the offset behind the host, brackets included,
 * without a trailing dot and the port. User names, percent escapes, bytes beyond ASCII, empty labels
 * and empty or too large ports give NOT_AN_AUTHORITY.
 */
export function hostEnd(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return NOT_AN_AUTHORITY;
  return bytes[start] === OPENING ? addressEnd(bytes, start, end) : nameEnd(bytes, start, end);
}

function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  let label = start;
  let last = start;
  for (;;) {
    while (i < end && classes[bytes[i]] & LABEL) i++;
    if (i - label > LABEL_MAX_BYTES) return NOT_AN_AUTHORITY;
    if (i === label) {
      // An empty label: only as the root behind a name, which is the trailing dot.
      if (label === start) return NOT_AN_AUTHORITY;
      last = label - 1;
      break;
    }
    last = i;
    if (i === end || bytes[i] !== DOT) break;
    label = ++i;
  }
  return last - start <= NAME_MAX_BYTES && isPort(bytes, i, end) ? last : NOT_AN_AUTHORITY;
}

function addressEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = start + 1;
  while (i < end && classes[bytes[i]] & IPV6) i++;
  if (i === end || bytes[i] !== CLOSING || i - start < 3) return NOT_AN_AUTHORITY;
  return isPort(bytes, i + 1, end) ? i + 1 : NOT_AN_AUTHORITY;
}

/** Nothing, or a colon and a port number. */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return true;
  if (bytes[start] !== COLON || start + 1 === end || end - start > 6) return false;
  let port = 0;
  for (let i = start + 1; i < end; i++) {
    if (!(classes[bytes[i]] & DIGIT)) return false;
    port = port * 10 + (bytes[i] - 0x30);
  }
  return port <= PORT_MAX;
}
