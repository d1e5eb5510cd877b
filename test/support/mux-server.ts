/** Sessions served in this process: every stream echoes. What attacks are aimed at. */
import net from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { SallyportError } from '../../src/errors.ts';
import { LINK_SLAB_BYTES } from '../../src/limits.ts';
import { SlabPool } from '../../src/net/slab.ts';
import { Wire, type WireReader } from '../../src/net/wire.ts';
import type { Session, Stream, StreamReceiver } from '../../src/session/session.ts';
import { YamuxSession } from '../../src/session/yamux/session.ts';
import { WebSocketLink } from '../../src/transport/websocket/link.ts';
import { Endpoint } from './endpoint.ts';

export interface MuxServer {
  readonly port: number;
  /** Those that live, in the order in which they came. */
  readonly sessions: Served[];
  /** How the others ended: the code of the error. */
  readonly ended: (string | null)[];
}

export interface Served {
  session: Session;
  wire: Wire;
  /** Undefined while the session lives. */
  error: SallyportError | null | undefined;
}

export const noReader: WireReader = { read: () => true, ended() {}, closed() {} };

/** Echoes, and ends a stream after the other end did, unless nothing came on it. */
function echo(stream: Stream): StreamReceiver {
  let bytes = 0;
  return {
    data(slab, start, end) {
      bytes += end - start;
      stream.write(slab, start, end);
      stream.credit(end - start);
    },
    finished: () => void (bytes > 0 && stream.end()),
    reset() {},
    drained() {},
  };
}

export async function startMuxServer(t: TestContext): Promise<MuxServer> {
  const pool = new SlabPool(LINK_SLAB_BYTES);
  const sessions: Served[] = [];
  const ended: (string | null)[] = [];
  const server = net.createServer(
    { pauseOnConnect: true, noDelay: true, allowHalfOpen: true },
    (socket) => {
      const wire = Wire.accept(socket, pool, noReader);
      const link = new WebSocketLink(wire, 'none');
      const events = {
        accept: echo,
        goneAway() {},
        closed(error: SallyportError | null) {
          served.error = error;
          ended.push(error?.code ?? null);
          sessions.splice(sessions.indexOf(served), 1);
        },
      };
      const session = new YamuxSession(link, { client: false, events });
      const served: Served = { session, wire, error: undefined };
      sessions.push(served);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const { wire } of sessions) wire.destroy();
    server.close();
  });
  return { port: (server.address() as net.AddressInfo).port, sessions, ended };
}

/** A well-behaved client of the same process, whose streams must lose nothing whatever others do. */
export interface Neighbour {
  /** Stops; rejects when a byte was lost or wrong. Gives the round trips that were made. */
  stop(): Promise<number>;
}

export async function startNeighbour(t: TestContext, port: number): Promise<Neighbour> {
  const pool = new SlabPool(LINK_SLAB_BYTES);
  const wire = Wire.dial(
    (onread) => net.connect({ host: '127.0.0.1', port, noDelay: true, onread }),
    pool,
    noReader,
  );
  await once(wire.socket, 'connect');
  t.after(() => wire.destroy());
  const link = new WebSocketLink(wire, 'zero');
  const events = { accept: echo, goneAway() {}, closed() {} };
  const session = new YamuxSession(link, { client: true, events });
  const stopping = new AbortController();
  const run = async (): Promise<number> => {
    let rounds = 0;
    for (; !stopping.signal.aborted; rounds++) {
      const seed = rounds + 1;
      const endpoint = new Endpoint(seed);
      endpoint.stream = session.open(endpoint);
      await endpoint.push(seed, 20_000);
      await endpoint.ended();
      if (endpoint.received !== 20_000) throw new Error(`${endpoint.received} bytes came back`);
    }
    return rounds;
  };
  const running = run();
  running.catch(() => {});
  return {
    stop() {
      stopping.abort();
      return running;
    },
  };
}
