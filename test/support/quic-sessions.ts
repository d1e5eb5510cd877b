/** Two ends of a QUIC connection on loopback, through a relay that a test can disturb. */
import type { TestContext } from 'node:test';
import { QuicSession, quicSlabs } from '../../src/session/quic/session.ts';
import type { SessionEvents } from '../../src/session/session.ts';
import { loadQuic } from '../../src/transport/quic/binding.ts';
import type { QuicConnection } from '../../src/transport/quic/connection.ts';
import { openQuicEndpoint, type QuicEndpoint } from '../../src/transport/quic/endpoint.ts';
import { clientConfig, type QuicSettings } from '../../src/transport/quic/settings.ts';
import type { QuicUser } from '../../src/transport/quic/user.ts';
import type { Carrier } from '../conformance/session-pair.ts';
import { makeCertificate, type Certificate } from './files.ts';
import { openQuicRelay, type QuicRelay } from './quic-relay.ts';

export const PROTOCOL_NAME = 'sallyport.test';

let certificate: Promise<Certificate> | undefined;

/** One for `localhost`, signed by itself. */
export function quicCertificate(): Promise<Certificate> {
  return (certificate ??= makeCertificate('localhost'));
}

export async function quicSettings(): Promise<QuicSettings> {
  const { cert, key } = await quicCertificate();
  return { protocols: [PROTOCOL_NAME], cert, key };
}

export interface QuicPair {
  readonly client: QuicConnection;
  readonly server: QuicConnection;
  readonly serverEndpoint: QuicEndpoint;
  readonly clientEndpoint: QuicEndpoint;
  readonly relay: QuicRelay;
}

export const nobody: QuicUser = { readable() {}, turned() {}, closed() {} };

/** Connects; both ends go with the test. */
export async function connectQuic(
  t: TestContext,
  changed: Partial<QuicSettings> = {},
): Promise<QuicPair> {
  const settings = { ...(await quicSettings()), ...changed };
  const accepted = Promise.withResolvers<QuicConnection>();
  const serverEndpoint = await openQuicEndpoint({
    listen: { host: '127.0.0.1', port: 0 },
    server: settings,
    accept(connection) {
      accepted.resolve(connection);
      return nobody;
    },
  });
  t.after(() => serverEndpoint.close());
  const relay = await openQuicRelay(t, serverEndpoint.address.port);
  const clientEndpoint = await openQuicEndpoint({ listen: { host: '127.0.0.1', port: 0 } });
  t.after(() => clientEndpoint.close());
  const standing = Promise.withResolvers<void>();
  const client = clientEndpoint.connect(
    clientConfig(loadQuic(), {
      protocols: settings.protocols,
      ca: settings.cert!,
      ...(settings.idleTimeoutMs !== undefined && { idleTimeoutMs: settings.idleTimeoutMs }),
    }),
    { host: '127.0.0.1', port: relay.port },
    'localhost',
    () => standing.resolve(),
  );
  client.user = {
    ...nobody,
    closed: (end) => standing.reject(new Error(`the handshake failed: ${JSON.stringify(end)}`)),
  };
  await standing.promise;
  return { client, server: await accepted.promise, serverEndpoint, clientEndpoint, relay };
}

export async function quicSessions(
  t: TestContext,
  client: SessionEvents,
  server: SessionEvents,
): Promise<Carrier> {
  const pair = await connectQuic(t);
  return {
    client: new QuicSession(pair.client, client),
    server: new QuicSession(pair.server, server),
    stall: pair.relay.stall,
    heal: pair.relay.heal,
    cut() {
      pair.relay.cut();
      pair.clientEndpoint.close();
      pair.serverEndpoint.close();
    },
    slabsOut: () => quicSlabs.out,
  };
}
