/** The whole hot road in one process: socket, splice, session, splice, socket. */
import net from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { LOCAL_SLAB_BYTES } from '../../src/limits.ts';
import { SlabPool } from '../../src/net/slab.ts';
import { Wire } from '../../src/net/wire.ts';
import { Splice } from '../../src/session/splice.ts';
import { makeSessions, type SessionPair } from '../conformance/session-pair.ts';
import { noReader } from './mux-server.ts';
import { yamuxOver } from './sessions.ts';

export interface Ended {
  splice: Splice;
  error: Error | null;
}

export interface SplicedRoad {
  /** Where clients connect. */
  readonly port: number;
  readonly sessions: SessionPair;
  /** How the splices beside the clients and beside the target have ended. */
  readonly near: Ended[];
  readonly far: Ended[];
  /** Slabs out, of the sockets at both ends. */
  readonly pool: SlabPool;
}

export async function startSplicedRoad(t: TestContext, target: number): Promise<SplicedRoad> {
  const sessions = await makeSessions(t, yamuxOver('onread', 'zero'));
  const pool = new SlabPool(LOCAL_SLAB_BYTES);
  const near: Ended[] = [];
  const far: Ended[] = [];
  sessions.far.accept = (stream) => {
    const wire = Wire.dial(
      (onread) => net.connect({ host: '127.0.0.1', port: target, allowHalfOpen: true, onread }),
      pool,
      noReader,
    );
    const spliced = (splice: Splice, error: Error | null): void => void far.push({ splice, error });
    const splice = new Splice(wire, { spliced }).join(stream);
    wire.reader = splice;
    return splice;
  };
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    const wire = Wire.accept(socket, pool, noReader);
    const spliced = (splice: Splice, error: Error | null): void =>
      void near.push({ splice, error });
    const splice = new Splice(wire, { spliced });
    wire.reader = splice.join(sessions.near.session.open(splice));
    t.after(() => wire.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as net.AddressInfo).port, sessions, near, far, pool };
}
