/** What the process for QUIC speaks with clients: protocols by their name in the handshake (ALPN). */
import type { QuicConnection } from '../../transport/quic/connection.ts';
import type { QuicUser } from '../../transport/quic/user.ts';

export interface GatewayProtocol {
  /** As the handshake names it. */
  readonly name: string;
  /** A client has chosen it. Throws what keeps it from being served. */
  accept(connection: QuicConnection): QuicUser;
  close(): void;
}
