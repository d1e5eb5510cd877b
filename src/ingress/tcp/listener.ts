/** A public port: accepted connections as wires, each with the address of its consumer. */
import net from 'node:net';
import { SallyportError } from '../../errors.ts';
import { LOCAL_SLAB_BYTES, PROXY_HEADER_MAX_BYTES, PROXY_HEADER_TIMEOUT_MS } from '../../limits.ts';
import { formatAddress, type HostPort } from '../../net/address.ts';
import type { ConnectionCount } from '../../net/connection-count.ts';
import { canonicalAddress } from '../../net/host.ts';
import {
  decodeProxyHeader,
  type ProxyEndpoints,
  type ProxyHeader,
} from '../../net/proxy-protocol-decode.ts';
import { acceptOptions, startListening } from '../../net/listen.ts';
import { SlabPool } from '../../net/slab.ts';
import { Wire, type WireReader } from '../../net/wire.ts';
import type { Logger } from '../../observe/logger.ts';
import type { PrefaceKind, Prefaces } from './preface.ts';
import type { Refusal } from './public-stream.ts';

export interface ListenerOptions {
  /** Whether connections of this peer begin with a PROXY header; then they must. Absent: none do. */
  readonly proxyProtocolFrom?: ((ip: string) => boolean) | undefined;
  /** Refuses what is too much. Absent: there is no limit. */
  readonly connections?: ConnectionCount | undefined;
  /** Where its connections wait for what they must begin with. */
  readonly prefaces: Prefaces;
  readonly log: Pick<Logger, 'warn'>;
}

export interface Arrivals {
  /** A connection. Who reads from it; null when it was refused and broken off. */
  arrived(wire: Wire, endpoints: ProxyEndpoints): WireReader | null;
  /** A connection that did not begin as it must, and was broken off. */
  refused(refusal: Refusal): void;
}

export interface Listener {
  readonly port: number;
  /** Accepts no more; the port is free at once. Open connections go on. */
  close(): void;
}

const slabs = new SlabPool(LOCAL_SLAB_BYTES);

/** Stands before the first byte of a connection that a trusted proxy makes for somebody else. */
export const proxyHeader: PrefaceKind<ProxyHeader> = {
  name: 'PROXY header',
  maxBytes: PROXY_HEADER_MAX_BYTES,
  timeoutMs: PROXY_HEADER_TIMEOUT_MS,
  parse: decodeProxyHeader,
  consumed: (header) => header.length,
};

/** Listens. Port 0 picks one. Rejects with PORT_TAKEN or LISTEN_FAILED. */
export async function openListener(
  listen: HostPort,
  options: ListenerOptions,
  arrivals: Arrivals,
): Promise<Listener> {
  const server = net.createServer(acceptOptions);
  const port = await startListening(server, listen, 'port').catch((error: SallyportError) => {
    const { code } = error.cause as NodeJS.ErrnoException;
    throw code === 'EADDRINUSE' ? new SallyportError('PORT_TAKEN', error.message, error) : error;
  });
  const host = addressOf(listen.host);
  const address = formatAddress({ host, port });
  const local = net.isIP(host) !== 0 && !isUnspecified(host) ? address : null;
  // A connection that could not be accepted, as when descriptors ran out, is no reason to stop.
  server.on('error', (error) =>
    options.log.warn({ error, address }, 'a connection could not be accepted'),
  );
  server.on('connection', (socket) => {
    if (options.connections?.admit(socket) !== false) accept(socket, local, options, arrivals);
  });
  return { port, close: () => void server.close() };
}

function isUnspecified(ip: string): boolean {
  return ip === '0.0.0.0' || ip === '::';
}

function accept(
  socket: net.Socket,
  local: string | null,
  options: ListenerOptions,
  arrivals: Arrivals,
): void {
  const { proxyProtocolFrom, prefaces } = options;
  const ip = addressOf(socket.remoteAddress);
  // It has gone already.
  if (ip === null) return void socket.destroy();
  const source = formatAddress({ host: ip, port: socket.remotePort! });
  const destination =
    local ??
    formatAddress({ host: addressOf(socket.localAddress) ?? '::', port: socket.localPort ?? 0 });
  const own = { source, destination };
  const wire = Wire.accept(socket, slabs, unread);
  if (proxyProtocolFrom?.(ip) !== true) {
    arrivals.arrived(wire, own);
    return;
  }
  const startedAt = performance.now();
  prefaces.await(wire, proxyHeader, {
    complete: ({ endpoints }) => arrivals.arrived(wire, endpoints ?? own),
    // A proxy that comes and goes without a byte looks whether we are there.
    failed: (error) => {
      if (error)
        arrivals.refused({
          consumer: source,
          ms: Math.round(performance.now() - startedAt),
          error,
        });
    },
  });
}

/** One spelling for each address; an address with a zone stays as it is. */
function addressOf(ip: string): string;
function addressOf(ip: string | undefined): string | null;
function addressOf(ip: string | undefined): string | null {
  return ip === undefined ? null : (canonicalAddress(ip) ?? ip);
}

/** Reads nothing: stands for the reader that comes in the same turn. */
const unread: WireReader = { read: () => true, ended() {}, closed() {} };
