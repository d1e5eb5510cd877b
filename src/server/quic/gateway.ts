/**
 * From QUIC to the server: each client is one connection to the server's local socket, with a stream
 * there for each of its own. Runs in a process of its own, so that whatever a datagram does to the
 * native code, it does not do to the server.
 */
import { DIALECT as REVERST } from '../../compat/reverst/greeting.ts';
import { CLOSE_FLUSH_MS } from '../../limits.ts';
import type { HostPort } from '../../net/address.ts';
import { openQuicEndpoint } from '../../transport/quic/endpoint.ts';
import type { Certificate } from '../certificate.ts';
import { createNativeProtocol } from './native-client.ts';
import type { GatewayProtocol } from './protocol.ts';
import { createReverstProtocol } from './reverst-protocol.ts';

export interface GatewayOptions {
  readonly listen: HostPort;
  readonly certificate: Certificate;
  /** The server's local socket. */
  readonly socketPath: string;
  readonly heartbeatMs: number;
  readonly idleTimeoutMs?: number;
  readonly keepAliveMs?: number;
  /** Base64: as `QuicEndpointOptions.resetKey`, the same for every process of a server. */
  readonly resetKey: string;
  /** Of the dialects whose peers come by QUIC. */
  readonly dialects: readonly string[];
}

export interface Gateway {
  readonly address: HostPort;
  /** New clients meet this certificate. Throws CONFIG_INVALID. */
  useCertificate(certificate: Certificate): void;
  /** Resolves when the last session has ended, as the server ends them; after CLOSE_FLUSH_MS in any case. */
  close(): Promise<void>;
}

/** Rejects with LISTEN_FAILED, QUIC_UNAVAILABLE or CONFIG_INVALID. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { certificate, listen, idleTimeoutMs, keepAliveMs } = options;
  const protocols = protocolsOf(options);
  const settings = {
    protocols: protocols.map(({ name }) => name),
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
  };
  const empty = Promise.withResolvers<void>();
  let closing = false;
  const endpoint = await openQuicEndpoint({
    listen,
    emptied() {
      if (closing) empty.resolve();
    },
    server: { ...settings, ...certificate },
    ...(keepAliveMs === undefined ? {} : { keepAliveMs }),
    resetKey: Buffer.from(options.resetKey, 'base64'),
    accept(connection) {
      const chosen = connection.protocol;
      return protocols.find(({ name }) => name === chosen)!.accept(connection);
    },
  });
  return {
    address: endpoint.address,
    useCertificate: (next) => endpoint.replace({ ...settings, ...next }),
    async close() {
      closing = true;
      const late = setTimeout(empty.resolve, CLOSE_FLUSH_MS);
      if (endpoint.connections === 0) empty.resolve();
      await empty.promise;
      clearTimeout(late);
      for (const protocol of protocols) protocol.close();
      endpoint.close();
    },
  };
}

/** Ours is always spoken. */
function protocolsOf(options: GatewayOptions): readonly GatewayProtocol[] {
  const { socketPath, heartbeatMs, dialects } = options;
  const native = createNativeProtocol(socketPath, heartbeatMs);
  return dialects.includes(REVERST) ? [native, createReverstProtocol(socketPath)] : [native];
}
