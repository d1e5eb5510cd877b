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
  /** The connections of this moment become a black hole for ever; new ones pass. */
  strand(): void;
  /** Everything held passes again, closings too. */
  heal(): void;
  /** Breaks all connections at once; new ones pass. */
  cut(): void;
}

interface Pair {
  near: net.Socket;
  far: net.Socket;
  dark: boolean;
}

export async function startForwarder(t: TestContext, to: number): Promise<Forwarder> {
  const pairs = new Set<Pair>();
  let dark = false;
  let connections = 0;

  const join = (pair: Pair, from: net.Socket, other: net.Socket): void => {
    from.on('data', (piece) => {
      if (!other.write(piece)) from.pause();
    });
    from.on('drain', () => pair.dark || other.resume());
    from.on('end', () => other.end());
    from.on('error', () => {});
    from.on('close', () => pair.dark || part(pair));
    if (pair.dark) from.pause();
  };
  const part = (pair: Pair): void => {
    pair.near.destroy();
    pair.far.destroy();
    pairs.delete(pair);
  };
  const darken = (pair: Pair): void => {
    pair.dark = true;
    pair.near.pause();
    pair.far.pause();
  };
  const lighten = (pair: Pair): void => {
    pair.dark = false;
    if (pair.near.destroyed || pair.far.destroyed) return part(pair);
    pair.near.resume();
    pair.far.resume();
  };

  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    connections++;
    const far = net.connect({ port: to, host: '127.0.0.1', allowHalfOpen: true });
    const pair = { near, far, dark };
    pairs.add(pair);
    join(pair, near, far);
    join(pair, far, near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const pair of pairs) part(pair);
    server.close();
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    connections: () => connections,
    blackhole: () => {
      dark = true;
      for (const pair of pairs) darken(pair);
    },
    strand: () => {
      for (const pair of pairs) darken(pair);
    },
    heal: () => {
      dark = false;
      for (const pair of pairs) lighten(pair);
    },
    cut: () => {
      for (const pair of pairs) part(pair);
    },
  };
}
