/** A TCP forwarder that can turn into a black hole: connections stay open and nothing passes any more. */
import net from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

export interface Forwarder {
  readonly port: number;
  /** Pairs of connections there have been. */
  readonly connections: () => number;
  /** From now on nothing passes, neither bytes nor closings; new connections are accepted and held. */
  blackhole(): void;
  /** Everything held passes again, closings too. */
  heal(): void;
  /** Breaks all connections at once; new ones pass. */
  cut(): void;
}

export async function startForwarder(t: TestContext, to: number): Promise<Forwarder> {
  const pairs = new Map<net.Socket, net.Socket>();
  let dark = false;
  let connections = 0;
  const join = (from: net.Socket, other: net.Socket): void => {
    pairs.set(from, other);
    if (dark) from.pause();
    from.on('data', (piece) => {
      if (!other.write(piece)) from.pause();
    });
    from.on('drain', () => dark || other.resume());
    from.on('end', () => other.end());
    from.on('error', () => {});
    from.on('close', () => dark || part(from));
  };
  const part = (from: net.Socket): void => {
    pairs.get(from)?.destroy();
    pairs.delete(from);
  };
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    connections++;
    const far = net.connect({ port: to, host: '127.0.0.1', allowHalfOpen: true });
    join(near, far);
    join(far, near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of pairs.keys()) socket.destroy();
  };
  t.after(() => {
    dark = false;
    cut();
    server.close();
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    connections: () => connections,
    blackhole: () => {
      dark = true;
      for (const socket of pairs.keys()) socket.pause();
    },
    heal: () => {
      dark = false;
      for (const socket of pairs.keys()) {
        if (socket.destroyed) part(socket);
        else socket.resume();
      }
    },
    cut,
  };
}
