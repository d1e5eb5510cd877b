/** Who a client connection comes from. */
import { formatAddress } from '../../net/address.ts';
import { canonicalAddress } from '../../net/host.ts';

export interface Peer {
  /** IP address. */
  readonly address: string;
  /** `ip:port`, for logs and for the agent. */
  readonly text: string;
  /** The connection is TLS. */
  readonly secure: boolean;
  /** Its forwarding fields are believed. */
  readonly trusted: boolean;
}

export function peerOf(
  address: string,
  port: number,
  secure: boolean,
  trusted: (address: string) => boolean,
): Peer {
  const host = canonicalAddress(address) ?? address;
  return { address: host, text: formatAddress({ host, port }), secure, trusted: trusted(host) };
}
