/** Who a client connection comes from, and who each of its requests does. */
import type { ClientCertificate } from '../../access/authenticator.ts';
import { forwardedClient } from '../../http1/forwarded-client.ts';
import type { FieldSection } from '../../http1/field-section.ts';
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
  /** The one it proved to hold; null for a trusted proxy, which speaks for others. */
  readonly certificate: ClientCertificate | null;
}

type Trusted = (address: string) => boolean;

export function peerOf(
  address: string,
  port: number,
  secure: boolean,
  trusted: Trusted,
  certificate: ClientCertificate | null,
): Peer {
  const host = canonicalAddress(address) ?? address;
  const text = formatAddress({ host, port });
  const isTrusted = trusted(host);
  const own = isTrusted ? null : certificate;
  return { address: host, text, secure, trusted: isTrusted, certificate: own };
}

/**
 * Who a request of a trusted peer is from, `ip:port`: the client that the proxies name, port 0 where
 * they name none, or else the peer itself. The proxies may send requests of many on one connection.
 */
export function consumerOf(
  peer: Peer,
  fields: FieldSection,
  bytes: Buffer,
  base: number,
  trusted: Trusted,
): string {
  const client = forwardedClient(fields, bytes, base, trusted);
  return client === null ? peer.text : formatAddress(client);
}
