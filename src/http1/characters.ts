/** The character classes of HTTP/1.1, one table lookup for each byte. */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const ASTERISK = 0x2a;
export const COMMA = 0x2c;
export const DOT = 0x2e;
export const SLASH = 0x2f;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const QUESTION = 0x3f;

/** `tchar` of RFC 9110, section 5.6.2: methods, field names, connection options. */
export const TOKEN = 1;
/** Inside a field value, RFC 9110, section 5.5: visible, space, tab, and bytes beyond ASCII. */
export const VALUE = 2;
/**
 * The path of a request target: visible ASCII without `?`, `#` and backslash. Servers differ on
 * whether a backslash is a slash, so that one decision about such a path is not possible.
 */
export const PATH = 4;
/** The query of a request target: visible ASCII without `#`. */
export const QUERY = 8;
/** A label of a host name in a Host field: letters, digits, hyphen, underscore. */
export const LABEL = 16;
/** Inside the brackets of an IPv6 address. */
export const IPV6 = 32;
export const DIGIT = 64;

/** Byte to its classes. */
export const classes = new Uint8Array(256);
/** Byte to its lower case. */
export const lowerCase = new Uint8Array(256);
/** Hexadecimal digit to its value, 255 for every other byte. */
export const hexValue = new Uint8Array(256).fill(255);

for (let byte = 0; byte < 256; byte++) {
  const char = String.fromCharCode(byte);
  const visible = byte > SPACE && byte < 0x7f;
  let of = 0;
  if (/[A-Za-z0-9!#$%&'*+\-.^_`|~]/.test(char)) of |= TOKEN;
  if (visible || byte === SPACE || byte === HTAB || byte >= 0x80) of |= VALUE;
  if (visible && !'?#\\'.includes(char)) of |= PATH;
  if (visible && char !== '#') of |= QUERY;
  if (/[A-Za-z0-9_-]/.test(char)) of |= LABEL;
  if (/[0-9A-Fa-f:.]/.test(char)) of |= IPV6;
  if (/[0-9]/.test(char)) of |= DIGIT;
  classes[byte] = of;
  lowerCase[byte] = /[A-Z]/.test(char) ? byte | 0x20 : byte;
  if (/[0-9A-Fa-f]/.test(char)) hexValue[byte] = Number.parseInt(char, 16);
}

/** Whether the bytes from `start` on begin with `name` (given in lower case), whatever their case. */
export function beginsWith(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    if (lowerCase[bytes[start + i]] !== name[i]) return false;
  }
  return true;
}

/** Whether two ranges of the same length hold the same letters, whatever their case. */
export function sameLetters(
  bytes: Uint8Array,
  start: number,
  other: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) {
    if (lowerCase[bytes[start + i]] !== lowerCase[bytes[other + i]]) return false;
  }
  return true;
}
