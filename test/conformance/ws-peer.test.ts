/** Our links against an independent implementation of RFC 6455, the `ws` package, at either end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { SallyportError } from '../../src/errors.ts';
import { LINK_SLAB_BYTES } from '../../src/limits.ts';
import { HEADROOM, SlabPool, type Slab } from '../../src/net/slab.ts';
import { Wire, type WireReader } from '../../src/net/wire.ts';
import type { Link } from '../../src/transport/link.ts';
import {
  newKey,
  readResponseHead,
  upgradeFault,
  upgradeRequest,
  upgradeResponse,
} from '../../src/transport/websocket/handshake.ts';
import { WebSocketLink, type Masking } from '../../src/transport/websocket/link.ts';
import { Pattern } from '../support/pattern.ts';
import { until, within } from '../support/wait.ts';

const PROTOCOL = 'sallyport.v1';
const TOTAL = 3_000_000;

/** Reads a head from a wire, and nothing behind it. */
function headOf(wire: Wire): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  const reader: WireReader = {
    read(slab, start, end) {
      text += slab.bytes.toString('latin1', start, end);
      if (!text.includes('\r\n\r\n')) return true;
      assert.ok(text.endsWith('\r\n\r\n'), 'nothing stands behind the head');
      resolve(text.slice(0, -4));
      return false;
    },
    ended: () => reject(new Error('ended in the head')),
    closed() {},
  };
  wire.reader = reader;
  wire.resume();
  return within(5_000, promise, 'a head');
}

const idle: WireReader = { read: () => true, ended() {}, closed() {} };

interface Met {
  link: Link;
  received(): number;
  closed: Promise<SallyportError | null>;
  peer: WebSocket;
}

function meet(wire: Wire, masking: Masking, peer: WebSocket): Met {
  const link = new WebSocketLink(wire, masking);
  const closed = Promise.withResolvers<SallyportError | null>();
  const pattern = new Pattern(1);
  let received = 0;
  const bytes = (slab: Slab, start: number, end: number): void => {
    assert.ok(pattern.holds(slab.bytes, start, end, received), `bytes from ${received}`);
    received += end - start;
  };
  link.receive({ bytes, closed: closed.resolve });
  wire.resume();
  return { link, received: () => received, closed: closed.promise, peer };
}

/** ws as the client of our server-side link. */
async function wsDials(t: TestContext): Promise<Met> {
  const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const peer = new WebSocket(`ws://127.0.0.1:${port}/x`, PROTOCOL, { perMessageDeflate: false });
  t.after(() => peer.terminate());
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const wire = Wire.accept(socket, new SlabPool(LINK_SLAB_BYTES), idle);
  t.after(() => wire.destroy());
  const key = /sec-websocket-key: (\S+)/i.exec(await headOf(wire))![1];
  wire.write(Buffer.from(upgradeResponse(key, PROTOCOL)));
  const met = meet(wire, 'none', peer);
  await once(peer, 'open');
  return met;
}

/** ws as the server of our dialling link. */
async function wsAccepts(t: TestContext, masking: Masking): Promise<Met> {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  const { port } = server.address() as net.AddressInfo;
  const arrival = once(sockets, 'connection') as Promise<[WebSocket]>;
  const wire = Wire.dial(
    (onread) => net.connect({ host: '127.0.0.1', port, onread }),
    new SlabPool(LINK_SLAB_BYTES),
    idle,
  );
  t.after(() => wire.destroy());
  const key = newKey();
  wire.write(Buffer.from(upgradeRequest('/x', `127.0.0.1:${port}`, key, PROTOCOL, {})));
  const head = readResponseHead(await headOf(wire))!;
  assert.equal(upgradeFault(head, key, PROTOCOL), null);
  const [peer] = await arrival;
  t.after(() => peer.terminate());
  return meet(wire, masking, peer);
}

const ways: [string, (t: TestContext) => Promise<Met>][] = [
  ['ws dials our server', wsDials],
  ['ws accepts our zero masks', (t) => wsAccepts(t, 'zero')],
  ['ws accepts our random masks', (t) => wsAccepts(t, 'random')],
];

for (const [name, connect] of ways) {
  describe(name, () => {
    test('bytes pass both ways, in messages of every size, whole and in fragments', async (t) => {
      const { link, received, peer } = await connect(t);
      const pattern = new Pattern(1);
      let came = 0;
      peer.on('message', (message: Buffer, binary: boolean) => {
        assert.ok(binary && pattern.holds(message, 0, message.length, came), `bytes from ${came}`);
        came += message.length;
      });
      for (let sent = 0, i = 1; sent < TOTAL; i++) {
        const n = Math.min(TOTAL - sent, (i * 7_919) % 130_000);
        const first = i % 3 === 0 ? n >> 1 : 0;
        if (first > 0) peer.send(pattern.bytes(sent, first), { fin: false });
        peer.send(pattern.bytes(sent + first, n - first), { fin: true });
        const bytes = Buffer.alloc(HEADROOM + n);
        pattern.fill(bytes, HEADROOM, bytes.length, sent);
        link.send(bytes, HEADROOM, bytes.length);
        sent += n;
      }
      await until('all has come', () => came === TOTAL && received() === TOTAL);
    });

    test('our close reaches it with code and reason, its close reaches us', async (t) => {
      const first = await connect(t);
      first.link.close(new SallyportError('REPLACED', `session: ${'ü'.repeat(100)}`));
      const [code, reason] = (await within(5_000, once(first.peer, 'close'))) as [number, Buffer];
      assert.equal(code, 1011);
      assert.match(reason.toString(), /^REPLACED: session: ü+$/);
      const second = await connect(t);
      second.peer.close(1000, 'bye');
      assert.equal(await within(5_000, second.closed), null);
      const [answered] = (await within(5_000, once(second.peer, 'close'))) as [number];
      assert.equal(answered, 1000);
      const third = await connect(t);
      third.peer.close(1001, 'going away');
      assert.match((await within(5_000, third.closed))!.message, /going away/);
    });

    test('its pings are answered', async (t) => {
      const { peer } = await connect(t);
      peer.ping('are you there');
      const [payload] = (await within(5_000, once(peer, 'pong'))) as [Buffer];
      assert.equal(payload.toString(), 'are you there');
    });

    test('its text is refused with 1003', async (t) => {
      const { peer, closed } = await connect(t);
      peer.send('text');
      assert.equal((await within(5_000, closed))?.code, 'PROTOCOL_FRAME');
      const [code] = (await within(5_000, once(peer, 'close'))) as [number];
      assert.equal(code, 1003);
    });
  });
}
