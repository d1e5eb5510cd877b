/**
 * A UDP port with any number of QUIC connections: those that clients open, where it has a server's
 * settings, and those that it dials. What belongs to no connection and is no Initial costs a look-up.
 */
import { randomBytes } from 'node:crypto';
import { asSallyportError } from '../../errors.ts';
import {
  QUIC_CONNECTIONS_MAX,
  QUIC_HANDSHAKE_TIMEOUT_MS,
  QUIC_HANDSHAKES_MAX,
  QUIC_RETRY_ABOVE,
} from '../../limits.ts';
import type { HostPort } from '../../net/address.ts';
import { loadQuic, type NativeAddress, type NativeConfig } from './binding.ts';
import { QuicConnection, type QuicHome } from './connection.ts';
import type { QuicUser } from './user.ts';
import {
  CONNECTION_ID_BYTES,
  INITIAL_MIN_BYTES,
  isLong,
  newClientId,
  readLongHeader,
  shortDestination,
  type LongHeader,
} from './initial.ts';
import { createRetryTokens } from './retry-token.ts';
import { serverConfigs, type QuicSettings } from './settings.ts';
import { createStatelessResets } from './stateless-reset.ts';
import { bindUdp } from './udp-port.ts';

export interface QuicEndpointOptions {
  /** Where it listens; port 0: any free one. The host is an IP address. */
  readonly listen: HostPort;
  /** Present: clients may connect. */
  readonly server?: QuicSettings;
  /**
   * A client's handshake is done, and its protocol known. Returns who uses the connection; one that
   * nobody can use, since it allows too few streams, ends by a throw.
   */
  readonly accept?: (connection: QuicConnection) => QuicUser;
  /** The last connection is gone. */
  readonly emptied?: () => void;
  /**
   * 32 bytes. An endpoint with the key of one before it, on the same port, ends the connections of that
   * one as soon as their clients send something. Default: a key of its own.
   */
  readonly resetKey?: Buffer;
  /** Signs of life go out this often. Default: none. */
  readonly keepAliveMs?: number;
  /** Bounds other than those of limits.ts. */
  readonly connectionsMax?: number;
  readonly handshakesMax?: number;
  readonly retryAbove?: number;
  readonly handshakeMs?: number;
}

export interface QuicEndpoint {
  readonly address: HostPort;
  /** Connections, those included whose handshake is not done. */
  readonly connections: number;
  /** Clients whose handshake is not done. */
  readonly handshakes: number;
  /** Begins a connection to an IP address. Its user is told of the end; `established` when it stands. `certified`: the settings have a certificate. */
  connect(
    config: NativeConfig,
    to: NativeAddress,
    serverName: string | null,
    established: (connection: QuicConnection) => void,
    certified?: boolean,
  ): QuicConnection;
  /** Clients that come from now on meet these settings. Throws CONFIG_INVALID. */
  replace(server: QuicSettings): void;
  /** Ends all connections without a word, and the port. */
  close(): void;
}

/** Rejects with QUIC_UNAVAILABLE, LISTEN_FAILED, or CONFIG_INVALID for settings that cannot be used. */
export async function openQuicEndpoint(options: QuicEndpointOptions): Promise<QuicEndpoint> {
  const native = loadQuic();
  const {
    connectionsMax = QUIC_CONNECTIONS_MAX,
    handshakesMax = QUIC_HANDSHAKES_MAX,
    retryAbove = QUIC_RETRY_ABOVE,
    handshakeMs = QUIC_HANDSHAKE_TIMEOUT_MS,
  } = options;
  let configs = options.server === undefined ? null : serverConfigs(native, options.server);
  const socket = await bindUdp(options.listen);
  const bound = socket.address();
  const local: NativeAddress = { host: bound.address, port: bound.port };
  const tokens = createRetryTokens();
  const resets = createStatelessResets(options.resetKey ?? randomBytes(32));
  const byId = new Map<string, QuicConnection>();
  const all = new Set<QuicConnection>();
  const begun = new Map<QuicConnection, (connection: QuicConnection) => void>();
  let handshakes = 0;
  let waiting = new Set<QuicConnection>();
  let closed = false;

  const home: QuicHome = {
    schedule(connection) {
      if (waiting.size === 0) setImmediate(turns);
      waiting.add(connection);
    },
    transmit(datagrams, start, end, to) {
      if (!closed) socket.send(datagrams, start, end - start, to.port, to.host);
    },
    established(connection) {
      if (connection.isServer) {
        handshakes--;
        try {
          connection.user = options.accept!(connection);
        } catch (thrown) {
          connection.close(0, asSallyportError(thrown).message);
        }
      } else begun.get(connection)!(connection);
      begun.delete(connection);
    },
    forget(connection) {
      if (!all.delete(connection)) return;
      for (const id of connection.ids) byId.delete(id);
      begun.delete(connection);
      if (connection.isServer && !connection.established) handshakes--;
      if (all.size === 0) options.emptied?.();
    },
  };

  function turns(): void {
    const now = waiting;
    waiting = new Set();
    for (const connection of now) if (all.has(connection)) connection.turn();
  }

  function add(connection: QuicConnection, ...ids: Buffer[]): QuicConnection {
    all.add(connection);
    for (const id of ids) {
      const key = id.toString('latin1');
      connection.ids.push(key);
      byId.set(key, connection);
    }
    return connection;
  }

  function reply(bytes: Buffer, length: number, to: NativeAddress): void {
    socket.send(bytes, 0, length, to.port, to.host);
  }

  /** The first packet of a client; null when it gets no connection (yet). */
  function welcome(header: LongHeader, size: number, from: NativeAddress): QuicConnection | null {
    if (configs === null || size < INITIAL_MIN_BYTES) return null;
    if (!native.versionIsSupported(header.version)) {
      // Version 0 is a Version Negotiation packet: answering it would go on for ever.
      if (header.version === 0) return null;
      const room = Buffer.alloc(INITIAL_MIN_BYTES);
      reply(room, native.negotiateVersion(header.source, header.destination, room), from);
      return null;
    }
    if (header.token === null) return null;
    if (all.size >= connectionsMax || handshakes >= handshakesMax) return null;
    const original = header.token.length === 0 ? null : tokens.check(from, header.token);
    if (original === null && handshakes >= retryAbove) {
      retry(header, from);
      return null;
    }
    if (original !== null && header.destination.length !== CONNECTION_ID_BYTES) return null;
    const id =
      original === null ? randomBytes(CONNECTION_ID_BYTES) : Buffer.from(header.destination);
    const config = configs(header.source);
    config.setStatelessResetToken(resets.token(id));
    const made = native.Connection.accept(id, original, local, from, config);
    handshakes++;
    return add(
      new QuicConnection(home, made, true, from, handshakeMs),
      id,
      Buffer.from(header.destination),
    );
  }

  function retry(header: LongHeader, from: NativeAddress): void {
    const room = Buffer.alloc(INITIAL_MIN_BYTES);
    const length = native.retry(
      header.source,
      header.destination,
      randomBytes(CONNECTION_ID_BYTES),
      tokens.make(from, header.destination),
      header.version,
      room,
    );
    reply(room, length, from);
  }

  /** A packet for no connection: of one that is gone; or the end of one that was dialled, which knows it. */
  function unknown(datagram: Buffer, id: Buffer, from: NativeAddress): null {
    if (configs !== null) {
      const reset = resets.answer(datagram, id);
      if (reset !== null) reply(reset, reset.length, from);
      return null;
    }
    for (const connection of all) {
      const { host, port } = connection.peer;
      if (host === from.host && port === from.port) connection.arrived(datagram, from, local);
    }
    return null;
  }

  function connectionOf(datagram: Buffer, from: NativeAddress): QuicConnection | null {
    if (!isLong(datagram)) {
      const id = shortDestination(datagram);
      if (id === null) return null;
      return byId.get(id.toString('latin1')) ?? unknown(datagram, id, from);
    }
    const header = readLongHeader(datagram);
    if (header === null) return null;
    const known = byId.get(header.destination.toString('latin1'));
    return known ?? welcome(header, datagram.length, from);
  }

  socket.on('message', (datagram, { address, port }) => {
    const from = { host: address, port };
    try {
      connectionOf(datagram, from)?.arrived(datagram, from, local);
    } catch {
      // The native code would not have it: a stranger's datagram concerns nobody.
    }
  });
  const keepAlive =
    options.keepAliveMs === undefined
      ? undefined
      : setInterval(() => {
          for (const connection of all) if (connection.established) connection.keepAlive();
        }, options.keepAliveMs).unref();

  return {
    address: local,
    get connections() {
      return all.size;
    },
    get handshakes() {
      return handshakes;
    },
    connect(clientConfig, to, serverName, established, certified = false) {
      const id = newClientId(certified);
      const made = native.Connection.connect(serverName, id, local, to, clientConfig);
      const connection = new QuicConnection(home, made, false, to, handshakeMs);
      begun.set(connection, established);
      home.schedule(add(connection, id));
      return connection;
    },
    replace(server) {
      configs = serverConfigs(native, server);
    },
    close() {
      if (closed) return;
      closed = true;
      clearInterval(keepAlive);
      for (const connection of Array.from(all)) {
        connection.lost('the endpoint was closed');
        connection.drop();
      }
      socket.close();
    },
  };
}
