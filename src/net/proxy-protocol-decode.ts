/**
 * The PROXY header as its receiver reads it, both versions, strictly. Source: «The PROXY protocol,
 * versions 1 & 2», HAProxy Technologies, sections 2.1 and 2.2.
 */
import net from 'node:net';
import { SallyportError } from '../errors.ts';
import { PROXY_HEADER_MAX_BYTES, PROXY_HEADER_V1_MAX_BYTES } from '../limits.ts';
import { formatAddress } from './address.ts';
import { canonicalAddress } from './host.ts';
import { parsePort } from './ports.ts';
import { quoted } from './printable.ts';
import {
  COMMAND_LOCAL,
  COMMAND_PROXY,
  HEAD_V2_BYTES,
  signatureV2,
  TCP_OVER_IPV4,
  TCP_OVER_IPV6,
  VERSION_2,
} from './proxy-protocol.ts';

export interface ProxyHeader {
  /** Bytes of the header; what comes behind them belongs to the connection. */
  readonly length: number;
  /** Whom the connection is for, and where it went. Null: the addresses of the connection itself hold. */
  readonly endpoints: ProxyEndpoints | null;
}

/** Both `ip:port` (`[ip6]:port`). */
export interface ProxyEndpoints {
  readonly source: string;
  readonly destination: string;
}

const wordV1 = Buffer.from('PROXY ', 'latin1');
const CR = 0x0d;
const LF = 0x0a;

/**
 * Reads the header at the start of `bytes`; null while it is incomplete. A wrong byte is refused as
 * soon as it is seen. Throws REQUEST_INVALID.
 */
export function decodeProxyHeader(bytes: Buffer): ProxyHeader | null {
  if (bytes.length === 0) return null;
  if (bytes[0] === wordV1[0]) return beginsWith(bytes, wordV1) ? decodeV1(bytes) : null;
  return beginsWith(bytes, signatureV2) ? decodeV2(bytes) : null;
}

/** False while there are too few bytes to tell. Throws when they differ. */
function beginsWith(bytes: Buffer, start: Buffer): boolean {
  const n = Math.min(bytes.length, start.length);
  if (bytes.compare(start, 0, n, 0, n) !== 0)
    throw invalid('the connection does not begin with one');
  return n === start.length;
}

function decodeV1(bytes: Buffer): ProxyHeader | null {
  const within = bytes.subarray(0, PROXY_HEADER_V1_MAX_BYTES);
  const lf = within.indexOf(LF);
  const cr = within.indexOf(CR);
  if (lf === -1 && (cr === -1 || cr === within.length - 1)) {
    if (within.length < PROXY_HEADER_V1_MAX_BYTES) return null;
    throw invalid(`no line end within ${PROXY_HEADER_V1_MAX_BYTES} bytes`);
  }
  if (lf !== cr + 1 || cr === -1) throw invalid('the line must end with CR LF');
  const line = within.toString('latin1', 0, cr);
  return { length: lf + 1, endpoints: endpointsV1(line) };
}

function endpointsV1(line: string): ProxyEndpoints | null {
  const [, family, from, to, fromPort, toPort, ...more] = line.split(' ');
  // What stands behind UNKNOWN is to be ignored.
  if (family === 'UNKNOWN') return null;
  if (family !== 'TCP4' && family !== 'TCP6')
    throw invalid(`the family must be TCP4, TCP6 or UNKNOWN in ${quoted(line)}`);
  if (toPort === undefined || more.length > 0)
    throw invalid(`two addresses and two ports must follow in ${quoted(line)}`);
  const isAddress = family === 'TCP4' ? net.isIPv4 : net.isIPv6;
  const endpoint = (ip: string, portText: string): string => {
    const address = isAddress(ip) ? canonicalAddress(ip) : null;
    const port = parsePort(portText, 0);
    if (address === null) throw invalid(`${quoted(ip)} is not an address of ${family}`);
    if (port === null) throw invalid(`${quoted(portText)} is not a port`);
    return formatAddress({ host: address, port });
  };
  return { source: endpoint(from, fromPort), destination: endpoint(to, toPort) };
}

function decodeV2(bytes: Buffer): ProxyHeader | null {
  if (bytes.length < HEAD_V2_BYTES) return null;
  const command = bytes[12] & 0x0f;
  if ((bytes[12] & 0xf0) !== VERSION_2) throw invalid('its version is not 2');
  if (command > COMMAND_PROXY) throw invalid(`its command ${command} is not assigned`);
  const length = HEAD_V2_BYTES + bytes.readUInt16BE(14);
  if (length > PROXY_HEADER_MAX_BYTES) {
    throw invalid(`its ${length} bytes exceed ${PROXY_HEADER_MAX_BYTES}`);
  }
  // Of a connection that the proxy makes for itself everything else is to be ignored.
  const family = command === COMMAND_LOCAL ? 0 : bytes[13];
  if (length < HEAD_V2_BYTES + blockBytes(family)) {
    throw invalid(`its ${length} bytes cannot hold the addresses it announces`);
  }
  return bytes.length < length ? null : { length, endpoints: endpointsV2(bytes, family) };
}

/** Bytes of the address block of a family. */
function blockBytes(family: number): number {
  const bytes = [0, 12, 36, 216][family >> 4];
  if (bytes === undefined || (family & 0x0f) > 2) {
    throw invalid(`its family 0x${family.toString(16)} is not assigned`);
  }
  return bytes;
}

/** Other families than TCP are valid and say nothing of use here. */
function endpointsV2(bytes: Buffer, family: number): ProxyEndpoints | null {
  if (family !== TCP_OVER_IPV4 && family !== TCP_OVER_IPV6) return null;
  const ports = HEAD_V2_BYTES + blockBytes(family) - 4;
  const size = (ports - HEAD_V2_BYTES) / 2;
  const endpoint = (at: number, portAt: number): string =>
    formatAddress({
      host: addressText(bytes.subarray(at, at + size)),
      port: bytes.readUInt16BE(portAt),
    });
  return {
    source: endpoint(HEAD_V2_BYTES, ports),
    destination: endpoint(HEAD_V2_BYTES + size, ports + 2),
  };
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return canonicalAddress(groups.join(':'))!;
}

function invalid(why: string): SallyportError {
  return new SallyportError('REQUEST_INVALID', `PROXY header: ${why}`);
}
