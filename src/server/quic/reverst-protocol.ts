/** Clients of reverst, on the UDP port of the server. */
import { Peer, type PeerHost } from '../../compat/reverst/gateway/peer.ts';
import { REVERST_PROTOCOL } from '../../compat/reverst/registration.ts';
import { REVERST_CLIENT_KEEP_ALIVE_MS } from '../../limits.ts';
import type { GatewayProtocol } from './protocol.ts';
import { enterServer } from './server-entry.ts';

export function createReverstProtocol(socketPath: string): GatewayProtocol {
  const peers = new Set<Peer>();
  const host: PeerHost = {
    enter: (greeting, entry) => enterServer(socketPath, greeting, entry),
    gone: (peer) => void peers.delete(peer),
  };
  // Many of them are set to give up after 20 s of silence.
  const timer = setInterval(() => {
    for (const peer of peers) peer.keepAlive();
  }, REVERST_CLIENT_KEEP_ALIVE_MS).unref();
  return {
    name: REVERST_PROTOCOL,
    accept(connection) {
      const peer = new Peer(connection, host);
      peers.add(peer);
      return peer.streams;
    },
    close: () => clearInterval(timer),
  };
}
