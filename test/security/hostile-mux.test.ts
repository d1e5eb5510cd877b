/** T24: peers that break the mux protocol, on purpose and in mass. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { PEER_STREAMS_MAX } from '../../src/limits.ts';
import { heldBytes } from '../support/memory.ts';
import {
  ACK,
  DATA,
  FIN,
  GO_AWAY,
  muxFrame,
  muxFrames,
  PING,
  rawPeers,
  RST,
  SYN,
  WINDOW,
  type FrameFields,
} from '../support/mux-frames.ts';
import { startMuxServer, startNeighbour } from '../support/mux-server.ts';
import { until, within } from '../support/wait.ts';

const MB = 1024 * 1024;
const WINDOW_BYTES = 256 * 1024;

/** What an attacker sends after it has opened stream 3 in order. `n` varies the values. */
const malformed: Record<string, (n: number) => Buffer[]> = {
  'a version that is not 0': (n) => [muxFrame(n % 4, 0, 3, 0, undefined, 1 + (n % 255))],
  'an unknown type': (n) => [muxFrame(4 + (n % 252), 0, 3, 0)],
  'unknown flags': (n) => [muxFrame(n % 2, 1 << (4 + (n % 12)), 3, 0)],
  'data on stream 0': () => [muxFrame(DATA, 0, 0, 1, Buffer.alloc(1))],
  'a window for stream 0': (n) => [muxFrame(WINDOW, n % 16, 0, 0)],
  'a stream id of the other side': (n) => [muxFrame(WINDOW, SYN, 4 + 2 * n, 0)],
  'a stream opened twice': () => [muxFrame(WINDOW, SYN, 3, 0)],
  'a stream opened behind a later one': () => [muxFrame(DATA, SYN, 1, 0)],
  'a stream opened and accepted at once': () => [muxFrame(WINDOW, SYN | ACK, 5, 0)],
  'data on a stream that was never opened': (n) => [
    muxFrame(DATA, 0, 5 + 2 * n, 1, Buffer.alloc(1)),
  ],
  'an answer to a stream that was never asked for': (n) => [muxFrame(WINDOW, ACK, 2 + 2 * n, 0)],
  'the end of a stream that was never opened': (n) => [muxFrame(WINDOW, FIN, 7 + 2 * n, 0)],
  'a reset of a stream that was never opened': (n) => [muxFrame(WINDOW, RST, 7 + 2 * n, 0)],
  'one byte beyond the window': () => [muxFrame(DATA, 0, 3, WINDOW_BYTES + 1)],
  'more than the window in a frame that opens': (n) => [
    muxFrame(DATA, SYN, 5, WINDOW_BYTES + 1 + n),
  ],
  'a length of 2^31 and more': (n) => [muxFrame(DATA, 0, 3, 0x8000_0000 + n)],
  'the greatest length': (n) => [muxFrame(DATA, 0, 3, 0xffff_ffff - n)],
  'a great length for a stream that is closed': () => [
    muxFrame(WINDOW, RST, 3, 0),
    muxFrame(DATA, 0, 3, 5 * MB),
  ],
  'data after the end': () => [
    muxFrame(WINDOW, FIN, 3, 0),
    muxFrame(DATA, 0, 3, 1, Buffer.alloc(1)),
  ],
  'two ends': () => [muxFrame(WINDOW, FIN, 3, 0), muxFrame(DATA, FIN, 3, 0)],
  'a window raised beyond all use': (n) => [muxFrame(WINDOW, 0, 3, 0xffff_ffff - n)],
  'a window raised beyond all use in steps': () => [
    muxFrame(WINDOW, 0, 3, 0x3000_0000),
    muxFrame(WINDOW, 0, 3, 0x3000_0000),
  ],
  'a ping on a stream': (n) => [muxFrame(PING, SYN, 1 + n, 7)],
  'a go-away on a stream': (n) => [muxFrame(GO_AWAY, 0, 1 + n, 0)],
};

test('5,000 malformed frames: each ends its own session with a reason, and nothing else', async (t) => {
  const server = await startMuxServer(t);
  const neighbour = await startNeighbour(t, server.port);
  const connect = rawPeers(t);
  const before = heldBytes();
  const kinds = Object.entries(malformed);
  const attack = async (index: number): Promise<void> => {
    const [name, frames] = kinds[index % kinds.length];
    const peer = await connect(server.port);
    await peer.frames(muxFrame(WINDOW, SYN, 3, 0), ...frames(index));
    await within(10_000, peer.closed, `the end of the offender: ${name}`);
    const farewell = peer.farewell();
    assert.equal(farewell?.code, 1002, name);
    assert.match(farewell.reason, /^PROTOCOL_FRAME: yamux frame: ./, name);
  };
  const TOTAL = 5_000;
  const AT_ONCE = 20;
  for (let at = 0; at < TOTAL; at += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => attack(at + i)));
  }
  assert.deepEqual(server.ended, Array(TOTAL).fill('PROTOCOL_FRAME'));
  assert.equal(server.sessions.length, 1);
  assert.ok((await neighbour.stop()) > 10);
  const grown = heldBytes() - before;
  assert.ok(grown < 32 * MB, `the process holds ${Math.round(grown / MB)} MB more`);
});

describe('floods', () => {
  const FLOOD_MS = 10_000;
  const BATCH = 5_000;

  /** Two sessions, one of which will be flooded; `check` says that the other lost nothing. */
  async function arena(t: TestContext) {
    const server = await startMuxServer(t);
    const neighbour = await startNeighbour(t, server.port);
    const peer = await rawPeers(t)(server.port);
    await until('both sessions stand', () => server.sessions.length === 2);
    const attacked = server.sessions[1];
    const before = heldBytes();
    /** Sends batches of frames until `total` have gone or the session ends. */
    const flood = async (total: number, fields: (index: number) => FrameFields): Promise<void> => {
      for (let sent = 0; sent < total && attacked.error === undefined; sent += BATCH) {
        await peer.frames(muxFrames(BATCH, (i) => fields(sent + i)));
      }
    };
    const check = async (): Promise<void> => {
      assert.ok((await neighbour.stop()) > 0);
      assert.ok(server.sessions[0] !== attacked);
      const grown = heldBytes() - before;
      assert.ok(grown < 32 * MB, `the process holds ${Math.round(grown / MB)} MB more`);
    };
    const run = (total: number, fields: (index: number) => FrameFields): Promise<void> =>
      within(FLOOD_MS, flood(total, fields), 'the flood to pass');
    return { peer, attacked, run, check };
  }

  test('SYN flood: of a million openings PEER_STREAMS_MAX are taken, or the peer is cut off', async (t) => {
    const { peer, attacked, run, check } = await arena(t);
    peer.socket.removeAllListeners('data').resume();
    let most = 0;
    await run(1_000_000, (i) => {
      most = Math.max(most, attacked.session.streams);
      return [WINDOW, SYN, 2 * i + 1, 0];
    });
    assert.ok(most > 0 && most <= PEER_STREAMS_MAX, `${most} streams`);
    if (attacked.error !== undefined) assert.equal(attacked.error?.code, 'PROTOCOL_FRAME');
    await check();
    peer.socket.destroy();
    await until('its streams are gone', () => attacked.session.streams === 0);
  });

  test('rapid reset: 200,000 streams opened and broken off leave nothing behind', async (t) => {
    const { peer, attacked, run, check } = await arena(t);
    peer.socket.removeAllListeners('data').resume();
    await run(400_000, (i) => [WINDOW, i % 2 === 0 ? SYN : RST, (i | 1) >>> 0, 0]);
    await until('no stream is left', () => attacked.session.streams === 0);
    await check();
  });

  const answered: Record<string, (index: number) => FrameFields> = {
    pings: (i) => [PING, SYN, 0, i],
    'openings and resets': (i) => [WINDOW, i % 2 === 0 ? SYN : RST, (i | 1) >>> 0, 0],
  };
  for (const [name, fields] of Object.entries(answered)) {
    test(`a flood of ${name} by a peer that never reads the answers ends its session`, async (t) => {
      const { peer, attacked, run, check } = await arena(t);
      peer.socket.pause();
      await run(10_000_000, fields);
      assert.equal(attacked.error?.code, 'PROTOCOL_FRAME');
      assert.match(attacked.error.message, /does not read/);
      await check();
      await until('its connection is gone', () => attacked.wire.destroyed, 4_000);
    });
  }

  test('a hundred thousand pings by a peer that reads are all answered', async (t) => {
    const { peer, run } = await arena(t);
    await run(100_000, (i) => [PING, SYN, 0, i]);
    const answers = (): number =>
      peer.received().reduce((sum, { payload }) => sum + payload.length, 0) / 12;
    await until('all are answered', () => answers() === 100_000);
  });
});

test('what a correct peer may do, however odd, ends nothing', async (t) => {
  const server = await startMuxServer(t);
  const peer = await rawPeers(t)(server.port);
  await peer.frames(
    muxFrame(WINDOW, SYN, 1, 0),
    muxFrame(WINDOW, 0, 1, 0),
    ...Array.from({ length: 1_000 }, () => muxFrame(WINDOW, 0, 1, 0)),
    muxFrame(WINDOW, 0, 1, 512 * MB),
    muxFrame(DATA, 0, 1, 0),
    muxFrame(PING, ACK, 0, 12_345),
    muxFrame(WINDOW, SYN, 1_001, 0),
    muxFrame(WINDOW, RST, 1, 0),
    muxFrame(WINDOW, RST, 1, 0),
    muxFrame(WINDOW, FIN, 1, 0),
    muxFrame(DATA, 0, 1, 10, Buffer.alloc(10)),
    muxFrame(GO_AWAY, 0, 0, 0),
    muxFrame(DATA, SYN | FIN, 1_003, 5, Buffer.from('hello')),
  );
  const echoed = (): boolean =>
    Buffer.concat(peer.received().map(({ payload }) => payload)).includes('hello');
  await until('the echo is there', echoed);
  assert.equal(server.sessions[0].error, undefined);
});
