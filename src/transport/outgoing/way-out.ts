/** How a client gets to its server: what its user said, as the options of one connection. */
import type net from 'node:net';
import { canonicalHost } from '../../net/host.ts';
import type { HostPort } from '../../net/address.ts';
import type { PortRange } from '../../net/ports.ts';
import { proxyFromEnvironment, type Environment, type OutgoingProxy } from './proxy.ts';
import { openOutgoing, type OutgoingTls } from './socket.ts';

export interface WayOut {
  readonly tls?: OutgoingTls;
  /** This proxy, whatever the environment says; null: none. Default: the environment's. */
  readonly proxy?: OutgoingProxy | null;
  /** Where the names of proxies stand. Default: no environment. */
  readonly env?: Environment;
  /** Local ports to dial from, tried in order. Default: whatever the system gives. */
  readonly localPorts?: readonly PortRange[];
  /** Where the server serves QUIC. Default: not known to do so; asked for it, where the URL leads to. */
  readonly quic?: HostPort;
}

/** Whether the URL (ws, wss, http, https) asks for TLS. */
export function isSecure({ protocol }: URL): boolean {
  return protocol === 'wss:' || protocol === 'https:';
}

/** The proxy for this URL; null: none. Throws USAGE for a variable that cannot be read. */
export function proxyOf(url: URL, wayOut: WayOut): OutgoingProxy | null {
  if (wayOut.proxy !== undefined) return wayOut.proxy;
  return proxyFromEnvironment(wayOut.env ?? {}, { ...endOf(url), secure: isSecure(url) });
}

/** Opens the connection; resolves and rejects as `openOutgoing` does. */
export async function openWayOut(
  url: URL,
  wayOut: WayOut,
  signal: AbortSignal,
): Promise<net.Socket> {
  return openOutgoing({
    ...endOf(url),
    secure: isSecure(url),
    proxy: proxyOf(url, wayOut),
    signal,
    ...(wayOut.tls !== undefined && { tls: wayOut.tls }),
    ...(wayOut.localPorts !== undefined && { localPorts: wayOut.localPorts }),
  });
}

/** What the URL leads to. */
export function endOf(url: URL): { host: string; port: number } {
  const port = url.port === '' ? (isSecure(url) ? 443 : 80) : Number(url.port);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host: canonicalHost(host) ?? host, port };
}
