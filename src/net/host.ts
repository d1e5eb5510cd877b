/**
 * One spelling for each host. Routing, authorising, logging and dialling use the same value, so what
 * has two spellings is brought to one here, and what could be read in two ways is refused.
 */
import net from 'node:net';
import { domainToASCII } from 'node:url';

/** A whole name in text form, without the trailing dot; RFC 1035, section 2.3.4. Unit: characters. */
const NAME_MAX_CHARS = 253;

/** Labels of letters, digits, hyphen and underscore, 1 to 63 each, no hyphen at either end. */
const labels = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/;
/** ASCII that no host name holds: refused before IDNA gets to map it away. */
const foreignAscii = /[^a-z0-9_.\-\u0080-\uffff]/;
const nonAscii = /[\u0080-\uffff]/;
/** `getaddrinfo` reads a name with such a last label as a number, in any of many odd forms. */
const endsInNumber = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/;

/**
 * The canonical form of a host, or null when it is not one: lower case, IDNA names in ASCII, no
 * trailing dot, IPv6 compressed (RFC 5952) and without brackets.
 *
 * A host carries no port, user, percent sign, backslash, space or control. Addresses have one
 * spelling: decimal, hexadecimal, octal and shortened IPv4 (`2130706433`, `0x7f.1`, `0177.0.0.1`),
 * IPv4 with a trailing dot and IPv4 inside IPv6 (`::ffff:127.0.0.1`) are refused.
 */
export function canonicalHost(text: string): string | null {
  if (text.startsWith('[')) return text.endsWith(']') ? canonicalIpv6(text.slice(1, -1)) : null;
  if (text.includes(':')) return canonicalIpv6(text);
  return canonicalName(text);
}

function canonicalName(text: string): string | null {
  if (text.length > NAME_MAX_CHARS + 1) return null;
  const lower = text.toLowerCase();
  if (foreignAscii.test(lower)) return null;
  const international = nonAscii.test(lower);
  const ascii = international ? domainToASCII(lower) : lower;
  const rooted = ascii.endsWith('.');
  const name = rooted ? ascii.slice(0, -1) : ascii;
  if (name.length > NAME_MAX_CHARS || !labels.test(name)) return null;
  if (!endsInNumber.test(name)) return name;
  return net.isIPv4(name) && !rooted && !international ? name : null;
}

function canonicalIpv6(text: string): string | null {
  if (!net.isIPv6(text)) return null;
  const address = canonicalAddress(text);
  return address === null || net.isIPv4(address) ? null : address;
}

/**
 * The canonical form of an IP address as sockets and resolvers give it, or null when it is not one.
 * IPv4 inside IPv6 (`::ffff:10.0.0.1`, how a dual-stack socket names an IPv4 peer) becomes plain
 * IPv4. An address with a zone (`fe80::1%eth0`) is refused: it means something on one host only.
 */
export function canonicalAddress(ip: string): string | null {
  if (net.isIPv4(ip)) return ip;
  if (!net.isIPv6(ip) || ip.includes('%')) return null;
  const { address } = new net.SocketAddress({ address: ip, family: 'ipv6' });
  const mapped = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : '';
  return net.isIPv4(mapped) ? mapped : address;
}
