/** T23 and T23b: WebSocket frames that break RFC 6455, sent to either end of a link. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import type { SallyportError } from '../../src/errors.ts';
import { LINK_SLAB_BYTES, MESSAGE_MAX_BYTES } from '../../src/limits.ts';
import { SlabPool } from '../../src/net/slab.ts';
import { Wire } from '../../src/net/wire.ts';
import { YamuxSession } from '../../src/session/yamux/session.ts';
import { WebSocketLink } from '../../src/transport/websocket/link.ts';
import { heldBytes } from '../support/memory.ts';
import {
  DATA,
  FIN,
  muxFrame,
  muxFrames,
  PING,
  rawPeers,
  RawPeer,
  SYN,
} from '../support/mux-frames.ts';
import { noReader, startMuxServer, startNeighbour, type Served } from '../support/mux-server.ts';
import { until, within } from '../support/wait.ts';
import { websocketFrame, type FrameParts } from '../support/websocket-frames.ts';

const MB = 1024 * 1024;
const BINARY = 2;
const CLOSE = 8;
const PONG = 10;
const key = Buffer.from('5a17c0de', 'hex');

function closeWith(code: number, reason: Buffer | string = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** Frames of which the last breaks the rules, whoever sends them. */
const broken: [string, FrameParts[]][] = [
  ...[0x40, 0x20, 0x10, 0x70].map((rsv): [string, FrameParts[]] => [
    `reserved bits 0x${rsv.toString(16)}`,
    [{ opcode: BINARY, rsv }],
  ]),
  ['a reserved bit in a ping', [{ opcode: 9, rsv: 0x40 }]],
  ['text', [{ opcode: 1, payload: Buffer.from('hello') }]],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, FrameParts[]] => [
    `reserved opcode ${opcode}`,
    [{ opcode }],
  ]),
  ...[CLOSE, 9, PONG].flatMap((opcode): [string, FrameParts[]][] => [
    [`a fragmented control frame ${opcode}`, [{ opcode, fin: false }]],
    [`a control frame ${opcode} of 126 bytes`, [{ opcode, payload: Buffer.alloc(126) }]],
    [`a control frame ${opcode} of 2^32 bytes`, [{ opcode, length: 1n << 32n, lengthBytes: 8 }]],
  ]),
  ...[
    1n << 63n,
    (1n << 63n) - 1n,
    (1n << 64n) - 1n,
    1n << 53n,
    1n << 32n,
    (1n << 32n) - 1n,
    1n << 31n,
    BigInt(MESSAGE_MAX_BYTES) + 1n,
  ].map((length): [string, FrameParts[]] => [
    `a length of ${length}`,
    [{ opcode: BINARY, length, lengthBytes: 8 }],
  ]),
  ['a continuation without a start', [{ opcode: 0, payload: Buffer.from('x') }]],
  [
    'a continuation after the last one',
    [{ opcode: BINARY, fin: false }, { opcode: 0 }, { opcode: 0 }],
  ],
  ['a message inside a fragmented one', [{ opcode: BINARY, fin: false }, { opcode: BINARY }]],
  ['half a close code', [{ opcode: CLOSE, payload: Buffer.from([3]) }]],
  [
    'a close reason that is not UTF-8',
    [{ opcode: CLOSE, payload: closeWith(1000, Buffer.from([0xc3, 0x28])) }],
  ],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535].map(
    (code): [string, FrameParts[]] => [
      `close code ${code}`,
      [{ opcode: CLOSE, payload: closeWith(code) }],
    ],
  ),
];

/** The offender gets the code and a reason within a second; its session ends with the error. */
async function expectRefusal(
  peer: RawPeer,
  ended: () => SallyportError | null | undefined,
  code = 1002,
): Promise<void> {
  await within(1_000, peer.closed, 'the end of the offender');
  assert.equal(ended()?.code, 'PROTOCOL_FRAME');
  const farewell = peer.farewell();
  assert.equal(farewell?.code, code);
  assert.match(farewell.reason, /^PROTOCOL_FRAME: websocket frame: ./);
}

describe('T23: at the server', () => {
  async function attack(t: TestContext): Promise<{
    peer: RawPeer;
    served: Served;
    server: Awaited<ReturnType<typeof startMuxServer>>;
  }> {
    const server = await startMuxServer(t);
    const peer = await rawPeers(t)(server.port);
    await until('the session stands', () => server.sessions.length === 1);
    return { peer, served: server.sessions[0], server };
  }

  for (const [name, frames] of broken) {
    test(name, async (t) => {
      const { peer, served } = await attack(t);
      await peer.bytes(Buffer.concat(frames.map((parts) => websocketFrame({ ...parts, key }))));
      await expectRefusal(peer, () => served.error, name === 'text' ? 1003 : 1002);
    });
  }

  for (const opcode of [BINARY, CLOSE, 9, PONG]) {
    test(`an unmasked frame, opcode ${opcode}`, async (t) => {
      const { peer, served } = await attack(t);
      await peer.bytes(websocketFrame({ opcode }));
      await expectRefusal(peer, () => served.error);
    });
  }

  test('what breaks the rules does so byte by byte as well', async (t) => {
    const { peer, served } = await attack(t);
    for (const byte of websocketFrame({ opcode: BINARY, length: 1n << 63n, lengthBytes: 8, key })) {
      peer.socket.write(Buffer.from([byte]));
      await new Promise((turn) => setImmediate(turn));
    }
    await expectRefusal(peer, () => served.error);
  });

  for (const code of [1000, 1001, 3000, 4999]) {
    test(`an orderly close with ${code} is answered with it`, async (t) => {
      const { peer, served } = await attack(t);
      await peer.bytes(websocketFrame({ opcode: CLOSE, payload: closeWith(code, 'bye'), key }));
      await within(1_000, peer.closed);
      assert.equal(peer.farewell()?.code, code);
      assert.equal(served.error?.code ?? null, code === 1000 ? null : 'LINK_LOST');
    });
  }

  test('fragment storm: 400,000 fragments of one byte carry what they carry', async (t) => {
    const { peer, served, server } = await attack(t);
    const neighbour = await startNeighbour(t, server.port);
    const before = heldBytes();
    const payload = Buffer.concat([
      muxFrames(33_333, () => [PING, 2, 0, 0]),
      muxFrame(DATA, SYN | FIN, 1, 1, Buffer.from('!')),
    ]);
    const storm = [...payload].map((byte, i) =>
      websocketFrame({
        opcode: i === 0 ? BINARY : 0,
        fin: i === payload.length - 1,
        payload: Buffer.from([byte]),
        key,
      }),
    );
    for (let at = 0; at < storm.length; at += 20_000) {
      await peer.bytes(Buffer.concat(storm.slice(at, at + 20_000)));
    }
    storm.length = 0;
    const echo = muxFrame(DATA, 0, 1, 1, Buffer.from('!'));
    const echoed = (): boolean =>
      Buffer.concat(peer.received().map((f) => f.payload)).includes(echo);
    await until('the echo is there', echoed);
    assert.equal(served.error, undefined);
    assert.ok((await neighbour.stop()) > 0);
    assert.ok(heldBytes() - before < 32 * MB);
  });

  test('ping flood: a peer that never reads its pongs costs one of them', async (t) => {
    const { peer, served, server } = await attack(t);
    const neighbour = await startNeighbour(t, server.port);
    peer.socket.pause();
    const before = heldBytes();
    const ping = websocketFrame({ opcode: 9, payload: Buffer.alloc(125), key });
    const batch = Buffer.concat(Array.from({ length: 500 }, () => ping));
    for (let i = 0; i < 1_000; i++) await peer.bytes(batch);
    assert.ok(heldBytes() - before < 32 * MB);
    assert.ok((await neighbour.stop()) > 0);
    assert.equal(served.error, undefined);
    await peer.frames(muxFrame(9, 0, 0, 0));
    await until('the session is over', () => served.error !== undefined);
  });
});

describe('T23b: at the dialler', () => {
  /** A link of ours, dialled to a server with no manners. */
  async function attack(
    t: TestContext,
  ): Promise<{ peer: RawPeer; ended: () => SallyportError | null | undefined }> {
    const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as net.AddressInfo;
    const arrival = once(server, 'connection') as Promise<[net.Socket]>;
    const wire = Wire.dial(
      (onread) => net.connect({ host: '127.0.0.1', port, onread }),
      new SlabPool(LINK_SLAB_BYTES),
      noReader,
    );
    t.after(() => wire.destroy());
    const [[socket]] = await Promise.all([arrival, once(wire.socket, 'connect')]);
    t.after(() => socket.destroy());
    let ended: SallyportError | null | undefined;
    const accept = () => assert.fail('no stream was opened');
    const events = {
      accept,
      goneAway() {},
      closed: (e: SallyportError | null) => void (ended = e),
    };
    const session = new YamuxSession(new WebSocketLink(wire, 'random'), { client: true, events });
    assert.equal(session.streams, 0);
    return { peer: new RawPeer(socket), ended: () => ended };
  }

  for (const [name, frames] of broken) {
    test(name, async (t) => {
      const { peer, ended } = await attack(t);
      await peer.bytes(Buffer.concat(frames.map((parts) => websocketFrame(parts))));
      await expectRefusal(peer, ended, name === 'text' ? 1003 : 1002);
      assert.ok(
        peer.received().every(({ masked }) => masked),
        'a client masks, to the last',
      );
    });
  }

  for (const opcode of [BINARY, CLOSE, 9, PONG]) {
    test(`a masked frame, opcode ${opcode}`, async (t) => {
      const { peer, ended } = await attack(t);
      await peer.bytes(websocketFrame({ opcode, key }));
      await expectRefusal(peer, ended);
    });
  }
});
