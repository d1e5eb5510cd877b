/**
 * `host:port` in the forms that people write.
 *
 * | form         | to listen on             | to dial   |
 * |--------------|--------------------------|-----------|
 * | `host:port`  | yes                      | yes       |
 * | `[::1]:port` | yes                      | yes       |
 * | `:port`      | on the default host      | refused   |
 * | `port`       | on the default host      | refused   |
 * | port 0       | any free port            | refused   |
 */
import { SallyportError } from '../errors.ts';
import { canonicalHost } from './host.ts';
import { parsePort } from './ports.ts';
import { quoted } from './printable.ts';

export interface HostPort {
  /** Canonical: see `canonicalHost`. IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Parses an address to listen on. `defaultHost` stands in for a missing host. Throws USAGE. */
export function parseListenAddress(text: string, defaultHost: string): HostPort {
  const bare = text.startsWith(':') && !text.startsWith('::') ? text.slice(1) : text;
  const port = parsePort(bare, 0);
  return port === null ? parseHostPort(text, 0, 'listen address') : { host: defaultHost, port };
}

/** Parses an address to dial: host and port are both needed. `what` names it in errors. Throws USAGE. */
export function parseDialAddress(text: string, what = 'address'): HostPort {
  return parseHostPort(text, 1, what);
}

function parseHostPort(text: string, lowestPort: 0 | 1, what: string): HostPort {
  const refuse = (why: string): never => {
    throw new SallyportError('USAGE', `${what} ${quoted(text)}: ${why}`);
  };
  const colon = text.lastIndexOf(':');
  const hostText = text.slice(0, Math.max(colon, 0));
  if (colon === -1 || text.endsWith(']')) return refuse('the port is missing; write HOST:PORT');
  if (hostText === '') return refuse('the host is missing; write HOST:PORT');
  if (hostText.includes(':') && !hostText.startsWith('[')) {
    return refuse('an IPv6 address needs brackets; write [ADDRESS]:PORT');
  }
  const host = canonicalHost(hostText);
  if (host === null)
    return refuse(`${quoted(hostText)} is not a host name or an IP address in its usual form`);
  const port = parsePort(text.slice(colon + 1), lowestPort);
  if (port === null) return refuse(`the port must be a number from ${lowestPort} to 65535`);
  return { host, port };
}

/** `host:port`, with brackets round IPv6: what the parsers read back. */
export function formatAddress({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
