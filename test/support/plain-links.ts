/** Two plain links joined by a Unix socket. */
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { LINK_SLAB_BYTES } from '../../src/limits.ts';
import { SlabPool } from '../../src/net/slab.ts';
import { Wire, type WireReader } from '../../src/net/wire.ts';
import { PlainLink } from '../../src/transport/plain-link.ts';
import type { LinkPair } from '../conformance/link.ts';
import { temporaryFolder } from './files.ts';

const nobody: WireReader = { read: () => true, ended() {}, closed() {} };

/** Connects; both links end with the test. */
export async function connectPlainLinks(t: TestContext): Promise<LinkPair> {
  const pool = new SlabPool(LINK_SLAB_BYTES);
  const file = path.join(temporaryFolder(t), 'links');
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
  await once(server.listen(file), 'listening');
  t.after(() => server.close());
  const accepting = once(server, 'connection') as Promise<[net.Socket]>;
  const dialled = Wire.dial(
    (onread) =>
      net.connect({ path: file, onread, allowHalfOpen: true, writableHighWaterMark: 0 } as never),
    pool,
    nobody,
  );
  const [[socket]] = await Promise.all([accepting, once(dialled.socket, 'connect')]);
  const accepted = Wire.accept(socket, pool, nobody);
  t.after(() => {
    dialled.destroy();
    accepted.destroy();
  });
  return {
    dialled: new PlainLink(dialled),
    accepted: new PlainLink(accepted),
    stall: () => void dialled.socket.pause(),
    heal: () => dialled.resume(),
    cut() {
      dialled.destroy();
      accepted.destroy();
    },
    slabsOut: () => pool.out,
  };
}
