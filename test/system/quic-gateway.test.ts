/** Streams through the gateway: the client's end is QUIC, the server's a session on the local socket. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { dialByQuic } from '../../src/attach/dial-quic.ts';
import { GREETING_ANSWER } from '../../src/attach/quic-greeting.ts';
import { SallyportError } from '../../src/errors.ts';
import { LINK_SLAB_BYTES } from '../../src/limits.ts';
import { SlabPool } from '../../src/net/slab.ts';
import { Wire } from '../../src/net/wire.ts';
import { FirstMessage, sendFirst } from '../../src/server/quic/greeted-link.ts';
import { openGateway } from '../../src/server/quic/gateway.ts';
import type { Session } from '../../src/session/session.ts';
import { YamuxSession } from '../../src/session/yamux/session.ts';
import { PlainLink } from '../../src/transport/plain-link.ts';
import { REPLY_SEED, SessionEnd } from '../conformance/session-pair.ts';
import { Endpoint } from '../support/endpoint.ts';
import { temporaryFolder } from '../support/files.ts';
import { quicCertificate } from '../support/quic-sessions.ts';
import { until } from '../support/wait.ts';

const MB = 1024 * 1024;
const SEED = 5;

async function connect(t: TestContext): Promise<{ near: SessionEnd; far: SessionEnd }> {
  const near = new SessionEnd();
  const far = new SessionEnd();
  // Ids are not the same on both sides: every stream carries one pattern.
  near.onStream = () => new Endpoint(SEED);
  far.onStream = () => new Endpoint(SEED);
  const { cert, key } = await quicCertificate();
  const socketPath = path.join(temporaryFolder(t), 'door');
  const standing = Promise.withResolvers<Session>();
  const pool = new SlabPool(LINK_SLAB_BYTES);
  const door = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    const wire = Wire.accept(socket, pool, { read: () => true, ended() {}, closed() {} });
    t.after(() => wire.destroy());
    const link = new PlainLink(wire);
    const enter = (): void => {
      sendFirst(link, GREETING_ANSWER);
      standing.resolve(new YamuxSession(link, { client: false, events: far }));
    };
    link.receive(new FirstMessage(link, enter, () => {}));
  });
  await once(door.listen(socketPath), 'listening');
  t.after(() => door.close());
  const gateway = await openGateway({
    listen: { host: '127.0.0.1', port: 0 },
    certificate: { cert, key },
    socketPath,
    heartbeatMs: 60_000,
    resetKey: '',
    dialects: [],
  });
  t.after(() => gateway.close());
  const dialled = await dialByQuic({
    url: new URL('https://localhost'),
    token: 'a token',
    program: 'test/1',
    wayOut: { tls: { ca: cert, serverName: 'localhost' }, quic: gateway.address },
    signal: new AbortController().signal,
  });
  near.session = dialled.own(near);
  far.session = await standing.promise;
  t.after(() => near.session.close(null));
  return { near, far };
}

const first = async (end: SessionEnd): Promise<Endpoint> => {
  await until('a stream arrives', () => end.arrived.size > 0);
  return [...end.arrived.values()][0];
};

test('streams of both sides carry their bytes both ways, each to its end', async (t) => {
  const { near, far } = await connect(t);
  for (const [opener, taker] of [
    [near, far],
    [far, near],
  ] as const) {
    const ends = Array.from({ length: 16 }, () => opener.open());
    const pushes = ends.map((end) => end.push(SEED, MB));
    await until('all have arrived', () => taker.arrived.size === 16);
    const others = [...taker.arrived.values()];
    await Promise.all([...pushes, ...others.map((end) => end.push(REPLY_SEED, 2 * MB))]);
    await Promise.all([...ends, ...others].map((end) => end.ended()));
    assert.ok(ends.every(({ received }) => received === 2 * MB));
    assert.ok(others.every(({ received }) => received === MB));
  }
});

test('a reader behind the server that takes nothing stops the writer at the client', async (t) => {
  const { near, far } = await connect(t);
  far.onStream = () => new Endpoint(SEED, false);
  const here = near.open();
  const pushed = here.push(SEED, 32 * MB);
  const there = await first(far);
  await until('the writer waits', () => !here.stream.writable);
  const other = near.open();
  other.stream.reset();
  await until('others pass', () => far.arrived.size === 2);
  assert.ok(here.stream.bytesSent < 16 * MB, `${here.stream.bytesSent} bytes were taken`);
  there.crediting = true;
  there.pay();
  await pushed;
  await there.ended();
  assert.equal(there.received, 32 * MB);
});

test('a stream that is reset is reset at the other end, whoever does it', async (t) => {
  const { near, far } = await connect(t);
  const here = near.open();
  const there = await first(far);
  there.stream.reset();
  assert.equal((await here.broken()).code, 'STREAM_RESET');
  const back = far.open();
  const taken = await first(near);
  back.stream.reset();
  assert.equal((await taken.broken()).code, 'STREAM_RESET');
});

test('what the server sent before it ends the session arrives, and so does the reason', async (t) => {
  const { near, far } = await connect(t);
  const there = far.open();
  const pushed = there.push(SEED, 200_000);
  const here = await first(near);
  await pushed;
  far.session.close(new SallyportError('KICKED', 'session: an operator ended it'));
  await here.ended();
  assert.equal(here.received, 200_000);
  const told = await near.over();
  assert.deepEqual([told?.code, told?.message], ['KICKED', 'session: an operator ended it']);
});

test('a client that goes away is gone at the server', async (t) => {
  const { near, far } = await connect(t);
  near.session.close(null);
  assert.equal(await far.over(), null);
});
