/** Addresses of clients, as those who count or tell them need them. */
import net from 'node:net';
import { canonicalAddress } from '../../net/host.ts';

/** The IP address in `ip:port` or `[ip6]:port`. */
export function hostOf(peer: string): string {
  const end = peer.lastIndexOf(':');
  const host = end === -1 ? peer : peer.slice(0, end);
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

/**
 * What one client is taken for: an IPv4 address, or the first 64 bits of an IPv6 one, for within
 * those anybody can choose an address anew for each connection (RFC 8981).
 */
export function networkOf(peer: string): string {
  const address = canonicalAddress(hostOf(peer)) ?? '';
  if (!net.isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  if (tail !== undefined) {
    const after = tail.split(':').filter((group) => group !== '').length;
    while (groups.length + after < 8) groups.push('0');
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
