/** Two wires joined by a real loopback connection, in each of the ways that wires are made. */
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { LINK_SLAB_BYTES } from '../../src/limits.ts';
import { SlabPool } from '../../src/net/slab.ts';
import { Wire, type WireReader } from '../../src/net/wire.ts';
import { makeCertificate, type Certificate } from './files.ts';

/** onread: user buffers on both ends. events: the fallback on both ends. The same two inside TLS. */
export const wireKinds = ['onread', 'events', 'tls-onread', 'tls-events'] as const;
export type WireKind = (typeof wireKinds)[number];

export interface WirePair {
  readonly dialled: Wire;
  readonly accepted: Wire;
  /** Where both read into. */
  readonly pool: SlabPool;
  /** The server that accepted; it closes once the accepted wire has. */
  readonly server: net.Server;
}

/** Stands on a wire until the test puts its own reader there, which it does before anything arrives. */
const nobody: WireReader = {
  read() {
    throw new Error('bytes arrived before there was a reader');
  },
  ended() {},
  closed() {},
};

let certificate: Promise<Certificate> | undefined;

/** Connects; both wires end with the test. */
export async function connectWires(
  t: TestContext,
  kind: WireKind,
  pool = new SlabPool(LINK_SLAB_BYTES),
): Promise<WirePair> {
  const secure = kind.startsWith('tls');
  const options = { pauseOnConnect: true, allowHalfOpen: true, noDelay: true };
  const server = secure
    ? tls.createServer({ ...options, ...(await (certificate ??= makeCertificate('localhost'))) })
    : net.createServer(options);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  t.after(() => server.close());

  const accepting = once(server, secure ? 'secureConnection' : 'connection').then(([socket]) => {
    return kind.endsWith('onread')
      ? Wire.accept(socket as net.Socket, pool, nobody)
      : Wire.fromEvents(socket as net.Socket, pool, nobody);
  });
  const connect = (onread?: net.OnReadOpts): net.Socket => {
    const common = { host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true };
    const all = onread === undefined ? common : { ...common, onread };
    return secure ? tls.connect({ ...all, rejectUnauthorized: false }) : net.connect(all);
  };
  const dialled = kind.endsWith('onread')
    ? Wire.dial(connect, pool, nobody)
    : Wire.fromEvents(connect(), pool, nobody);
  t.after(() => dialled.destroy());
  const [accepted] = await Promise.all([
    accepting,
    once(dialled.socket, secure ? 'secureConnect' : 'connect'),
  ]);
  t.after(() => accepted.destroy());
  return { dialled, accepted, pool, server };
}
