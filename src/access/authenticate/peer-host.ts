/** The IP address in `ip:port` or `[ip6]:port`. */
export function hostOf(peer: string): string {
  const end = peer.lastIndexOf(':');
  const host = end === -1 ? peer : peer.slice(0, end);
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
