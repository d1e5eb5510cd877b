/**
 * The client of «sokken»: local ports, each of which leads to one address behind a server. Every
 * connection has a WebSocket of its own.
 */
import net from 'node:net';
import type { SallyportError } from '../../errors.ts';
import { SOKKEN_HEARTBEAT_MS } from '../../limits.ts';
import { formatAddress, type HostPort } from '../../net/address.ts';
import { acceptOptions, startListening } from '../../net/listen.ts';
import { createHeartbeat } from '../../session/heartbeat.ts';
import { LocalConnection, type ConnectionHost } from './local-connection.ts';
import type { LocalRequest, SokkenRoute } from './route.ts';

export interface SokkenClientOptions {
  readonly routes: readonly SokkenRoute[];
  /** Connections at once; those beyond it are closed. */
  readonly maxConnections: number;
  /** Time between signs of life. Default: SOKKEN_HEARTBEAT_MS. */
  readonly heartbeatMs?: number;
  readonly events: SokkenClientEvents;
}

/** `active`: connections at that moment. */
export interface SokkenClientEvents {
  requested(request: LocalRequest): void;
  /** There was no room for it. */
  rejected(request: LocalRequest, active: number): void;
  /** The server took the upgrade. */
  joined(request: LocalRequest, active: number): void;
  /** The server did not. */
  failed(request: LocalRequest, error: SallyportError): void;
  /** `error` is null when both ends were in order; `ms`: how long it stood. */
  over(request: LocalRequest, active: number, ms: number, error: SallyportError | null): void;
}

export interface SokkenClient {
  /** Where it listens, in the order of the routes. */
  readonly addresses: readonly HostPort[];
  readonly active: number;
  /** Stops listening, and ends every connection. */
  close(): void;
}

/** Resolves once it listens everywhere. Rejects with LISTEN_FAILED: then it listens nowhere. */
export async function createSokkenClient(options: SokkenClientOptions): Promise<SokkenClient> {
  const { routes, maxConnections, events } = options;
  using opened = new DisposableStack();
  const heartbeat = createHeartbeat(options.heartbeatMs ?? SOKKEN_HEARTBEAT_MS);
  opened.defer(() => heartbeat.close());
  const open = new Set<LocalConnection>();
  const addresses: HostPort[] = [];
  const host: ConnectionHost = {
    heartbeat,
    joined: ({ request }) => events.joined(request, open.size),
    over(connection, error) {
      open.delete(connection);
      const { request, ms } = connection;
      if (ms !== null) events.over(request, open.size, ms, error);
      else if (error !== null) events.failed(request, error);
    },
  };

  function accept(socket: net.Socket, route: SokkenRoute, local: HostPort): void {
    const { remoteAddress = '', remotePort = 0 } = socket;
    const client = formatAddress({ host: remoteAddress, port: remotePort });
    const request = { local, remote: route.url, client };
    if (open.size >= maxConnections) {
      events.rejected(request, open.size);
      socket.destroy();
      return;
    }
    events.requested(request);
    const connection = new LocalConnection(socket, request, host);
    open.add(connection);
    connection.dial(route);
  }

  for (const route of routes) {
    const server = net.createServer(acceptOptions, (socket) => accept(socket, route, local));
    opened.defer(() => void server.close());
    const local = { ...route.listen, port: await startListening(server, route.listen, 'sokken') };
    // A connection that could not be accepted, as when descriptors ran out, is no reason to stop.
    server.on('error', () => {});
    addresses.push(local);
  }
  const everything = opened.move();
  return {
    addresses,
    get active() {
      return open.size;
    },
    close() {
      everything.dispose();
      for (const connection of open) connection.close();
    },
  };
}
