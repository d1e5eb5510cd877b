/** Hostile peers of a QUIC port: what they send, and what they do not take, concerns nobody else. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { dialByQuic } from '../../src/attach/dial-quic.ts';
import { QUIC_PROTOCOL } from '../../src/attach/quic-greeting.ts';
import { INITIAL_WINDOW_BYTES, QUIC_STREAM_WINDOW_BYTES } from '../../src/limits.ts';
import { QuicSession } from '../../src/session/quic/session.ts';
import { loadQuic } from '../../src/transport/quic/binding.ts';
import { openQuicEndpoint } from '../../src/transport/quic/endpoint.ts';
import { clientConfig } from '../../src/transport/quic/settings.ts';
import type { QuicEnd } from '../../src/transport/quic/user.ts';
import { SessionEnd } from '../conformance/session-pair.ts';
import { Endpoint } from '../support/endpoint.ts';
import { malformed } from '../support/quic-hostility.ts';
import { connectQuic, nobody, quicSettings, type QuicPair } from '../support/quic-sessions.ts';
import { until, within } from '../support/wait.ts';

const MB = 1024 * 1024;
const long = process.env['SALLYPORT_TEST_LONG'] === '1';

function sessionsOf(pair: QuicPair): { near: SessionEnd; far: SessionEnd } {
  const near = new SessionEnd();
  const far = new SessionEnd();
  near.session = new QuicSession(pair.client, near);
  far.session = new QuicSession(pair.server, far);
  return { near, far };
}

test('20,000 malformed datagrams cost no memory, and a session beside them nothing', async (t) => {
  const pair = await connectQuic(t);
  const { near, far } = sessionsOf(pair);
  const before = process.memoryUsage.rss();
  const here = near.open();
  const pushed = here.push(here.stream.id, 16 * MB);
  const socket = dgram.createSocket('udp4');
  t.after(() => socket.close());
  for (let i = 0; i < 20_000; i++) {
    const sent = Promise.withResolvers<void>();
    socket.send(malformed(i), pair.serverEndpoint.address.port, '127.0.0.1', () => sent.resolve());
    await sent.promise;
    if (i % 50 === 0) await turn();
  }
  await within(20_000, pushed);
  const there = await far.at(here.stream.id);
  await there.ended();
  assert.equal(there.received, 16 * MB);
  const grown = process.memoryUsage.rss() - before;
  assert.ok(grown < 64 * MB, `${grown} bytes more`);
  await until('the handshakes are over', () => pair.serverEndpoint.handshakes === 0);
});

test('datagrams of a session, changed on the way, end nothing', async (t) => {
  const pair = await connectQuic(t);
  const { near, far } = sessionsOf(pair);
  const socket = dgram.createSocket('udp4');
  t.after(() => socket.close());
  const [id] = pair.server.ids;
  for (let i = 0; i < 2_000; i++) {
    const bytes = Buffer.concat([Buffer.from([0x40 | (i & 0x3f)]), Buffer.from(id, 'latin1')]);
    const datagram = Buffer.concat([bytes, randomBytes(i % 1_200)]);
    socket.send(datagram, pair.serverEndpoint.address.port, '127.0.0.1');
    if (i % 50 === 0) await turn();
  }
  const here = near.open();
  await here.push(here.stream.id, MB);
  const there = await far.at(here.stream.id);
  await there.ended();
  assert.equal(there.received, MB);
});

test('a receiver that never reads stops its writer at the windows, and nobody else', async (t) => {
  const pair = await connectQuic(t);
  const { near, far } = sessionsOf(pair);
  far.onStream = (stream) => new Endpoint(stream.id, stream.id !== stalled.stream.id);
  const stalled = near.open();
  stalled.push(stalled.stream.id, 64 * MB).catch(() => {});
  const there = await far.at(stalled.stream.id);
  await there.has(INITIAL_WINDOW_BYTES);
  const other = near.open();
  await other.push(other.stream.id, 8 * MB);
  await (await far.at(other.stream.id)).ended();
  assert.equal(there.received, INITIAL_WINDOW_BYTES);
  assert.equal(stalled.stream.writable, false);
  // What was delivered, QUIC's window behind it, and the piece that its writer stopped at.
  const most = INITIAL_WINDOW_BYTES + QUIC_STREAM_WINDOW_BYTES + 64 * 1024;
  const taken = stalled.stream.bytesSent;
  assert.ok(taken <= most, `${taken} bytes were taken`);
});

test('a client whose address changes goes on', async (t) => {
  const pair = await connectQuic(t);
  const { near, far } = sessionsOf(pair);
  const here = near.open();
  const pushed = here.push(here.stream.id, 24 * MB);
  const there = await far.at(here.stream.id);
  await there.has(MB);
  await pair.relay.rebind();
  await within(20_000, pushed);
  await there.ended();
  await there.push(1_000_003, MB);
  await here.ended();
  assert.deepEqual([there.received, here.received], [24 * MB, MB]);
});

test('a server that allows no streams is left at once', async (t) => {
  const settings = await quicSettings();
  const ended = Promise.withResolvers<QuicEnd>();
  const server = await openQuicEndpoint({
    listen: { host: '127.0.0.1', port: 0 },
    server: { ...settings, protocols: [QUIC_PROTOCOL], streamsMax: 0 },
    accept: () => ({ ...nobody, closed: ended.resolve }),
  });
  t.after(() => server.close());
  const dialled = dialByQuic({
    url: new URL(`wss://127.0.0.1:${server.address.port}`),
    wayOut: { proxy: null, tls: { ca: settings.cert!, serverName: 'localhost' } },
    token: 'of no use',
    program: 'test',
    signal: new AbortController().signal,
  });
  await assert.rejects(dialled, { code: 'TOO_MANY_STREAMS' });
  const { remote, timedOut } = await within(5_000, ended.promise, 'the end of the connection');
  assert.deepEqual([remote, timedOut], [true, false]);
});

test('connections come and go, and memory stays', async (t) => {
  const settings = await quicSettings();
  let accepted = 0;
  const server = await openQuicEndpoint({
    listen: { host: '127.0.0.1', port: 0 },
    server: settings,
    accept() {
      accepted++;
      return nobody;
    },
  });
  t.after(() => server.close());
  const clients = await openQuicEndpoint({ listen: { host: '127.0.0.1', port: 0 } });
  t.after(() => clients.close());
  const config = clientConfig(loadQuic(), { protocols: settings.protocols, ca: settings.cert! });
  async function comeAndGo(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const standing = Promise.withResolvers<void>();
      const connection = clients.connect(config, server.address, 'localhost', () =>
        standing.resolve(),
      );
      await within(5_000, standing.promise, 'a connection');
      connection.close(0, '');
    }
    await until('all are gone', () => server.connections + clients.connections === 0);
  }
  await comeAndGo(100);
  const before = process.memoryUsage.rss();
  const times = long ? 900 : 150;
  await comeAndGo(times);
  assert.equal(accepted, 100 + times);
  const grown = process.memoryUsage.rss() - before;
  assert.ok(grown < 24 * MB, `${grown} bytes more after ${times} connections`);
});
