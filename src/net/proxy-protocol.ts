/**
 * The PROXY header as its sender writes it: one line of text (version 1) or a binary block (version
 * 2), before the first byte of a connection, naming whom the connection is for. Source: «The PROXY
 * protocol, versions 1 & 2», HAProxy Technologies, sections 2.1 and 2.2.
 */
import net from 'node:net';
import { canonicalAddress } from './host.ts';
import { parsePort } from './ports.ts';

export type ProxyVersion = 'v1' | 'v2';

/** What version 2 begins with: bytes that no line of text and no TLS record begins with. */
export const signatureV2: Buffer = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** In front of the addresses: the signature, version and command, family, length. Unit: bytes. */
export const HEAD_V2_BYTES = 16;
export const VERSION_2 = 0x20;
export const COMMAND_LOCAL = 0;
export const COMMAND_PROXY = 1;
export const TCP_OVER_IPV4 = 0x11;
export const TCP_OVER_IPV6 = 0x21;

interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/**
 * The header for a connection of `consumer` to `local`, both `ip:port` (`[ip6]:port`).
 *
 * A `local` of null, for consumers that came by no public port, is written as the unspecified address
 * and port 0 of the consumer's family: the consumer is what the receiver wants to know. Where the
 * consumer is not an IP address, or the families differ, the header says so (UNKNOWN, LOCAL), and
 * its receiver uses the addresses of the connection itself.
 */
export function encodeProxyHeader(
  version: ProxyVersion,
  consumer: string,
  local: string | null,
): Buffer {
  const source = parseEndpoint(consumer);
  const destination = local === null ? unspecified(source) : parseEndpoint(local);
  const known =
    source !== null && destination !== null && net.isIP(source.ip) === net.isIP(destination.ip);
  if (version === 'v1')
    return Buffer.from(known ? lineV1(source, destination) : 'PROXY UNKNOWN\r\n', 'latin1');
  return known ? blockV2(source, destination) : headV2(COMMAND_LOCAL, 0, 0);
}

function parseEndpoint(text: string): Endpoint | null {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(colon, 0));
  const ip = canonicalAddress(
    host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host,
  );
  const port = parsePort(text.slice(colon + 1), 0);
  return ip === null || port === null ? null : { ip, port };
}

function unspecified(peer: Endpoint | null): Endpoint | null {
  return peer && { ip: net.isIPv4(peer.ip) ? '0.0.0.0' : '::', port: 0 };
}

function lineV1(source: Endpoint, destination: Endpoint): string {
  const family = net.isIPv4(source.ip) ? 'TCP4' : 'TCP6';
  return `PROXY ${family} ${source.ip} ${destination.ip} ${source.port} ${destination.port}\r\n`;
}

function blockV2(source: Endpoint, destination: Endpoint): Buffer {
  const ipv4 = net.isIPv4(source.ip);
  const addresses = [...addressBytes(source.ip), ...addressBytes(destination.ip)];
  const length = addresses.length + 4;
  const header = headV2(COMMAND_PROXY, ipv4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6, length);
  header.set(addresses, HEAD_V2_BYTES);
  header.writeUInt16BE(source.port, HEAD_V2_BYTES + length - 4);
  header.writeUInt16BE(destination.port, HEAD_V2_BYTES + length - 2);
  return header;
}

function headV2(command: number, family: number, length: number): Buffer {
  const header = Buffer.alloc(HEAD_V2_BYTES + length);
  header.set(signatureV2);
  header[12] = VERSION_2 | command;
  header[13] = family;
  header.writeUInt16BE(length, 14);
  return header;
}

/** The 4 or 16 bytes of a canonical address. */
function addressBytes(ip: string): number[] {
  if (net.isIPv4(ip)) return ip.split('.').map(Number);
  const [left, right] = ip.split('::').map(groupBytes);
  if (right === undefined) return left;
  const zeros = Array.from({ length: 16 - left.length - right.length }, () => 0);
  return [...left, ...zeros, ...right];
}

/** The bytes of the groups on one side of `::`; the last may be IPv4 in dots (RFC 4291, section 2.2). */
function groupBytes(groups: string): number[] {
  if (groups === '') return [];
  return groups.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
