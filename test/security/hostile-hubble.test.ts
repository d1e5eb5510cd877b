/** Hubble peers that break the rules: a named error, the process stays, other sessions are unharmed. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { HUBBLE_MESSAGE_MAX_BYTES } from '../../src/limits.ts';
import { composeHubbleServer, runHubble } from '../support/hubble.ts';
import {
  ACK,
  connectPeer,
  DATA,
  HANDSHAKE,
  hubbleMessage,
  INITIATOR,
  joinPeer,
  TERMINATOR,
  type HubblePeer,
} from '../support/hubble-peer.ts';
import { connectClient, serveSockets, type Client } from '../support/service-door.ts';
import { websocketFrame } from '../support/websocket-frames.ts';
import { until, within } from '../support/wait.ts';

const patience = { timeout: 60_000 };

interface Stage {
  readonly port: number;
  readonly target: number;
  /** A session of others, over a gateway named `good`. */
  stillWorks(): Promise<void>;
}

async function stage(t: TestContext): Promise<Stage> {
  const target = await serveSockets(t, (socket) => void socket.pipe(socket));
  const { address } = await composeHubbleServer(t);
  await runHubble(t, address, { name: 'good' }).connected();
  const rules = [`0:good:127.0.0.1:${target}`];
  const consumer = runHubble(t, address, { name: 'consumer', rules });
  await consumer.connected();
  const client: Client = connectClient(t, { port: consumer.ports[0] });
  let said = '';
  return {
    port: address.port,
    target,
    async stillWorks() {
      said += '.';
      client.socket.write('.');
      await until('the session of others goes on', () => client.received().toString() === said);
    },
  };
}

test('malformed messages end their link only', patience, async (t) => {
  const { port, stillWorks } = await stage(t);
  await stillWorks();
  const guid = 'a447554944a161';
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.of(DATA),
    Buffer.from('03c1', 'hex'),
    Buffer.from('0300', 'hex'),
    Buffer.from('0390', 'hex'),
    Buffer.from('03dfffffffff', 'hex'),
    Buffer.from('0381a444617461dbffffffff', 'hex'),
    Buffer.from(`0382${guid}a54f72646572ff`, 'hex'),
    Buffer.from('0280', 'hex'), // a session without an id
    hubbleMessage(INITIATOR, { GUID: 'x'.repeat(65), Gatename: 'good', RemoteHost: 'h' }),
    hubbleMessage(INITIATOR, { GUID: 'a', Gatename: 'good', RemoteHost: 'h', RemotePort: 65_536 }),
    Buffer.concat([Buffer.from('0381a158', 'hex'), Buffer.alloc(500_000, 0x91)]),
    Buffer.concat([Buffer.of(DATA), randomBytes(1_000)]),
  ]) {
    const peer = await joinPeer(t, port, 'hostile');
    peer.sendBytes(bytes);
    await peer.ended();
    await stillWorks();
  }
});

test('a message that grows for ever is cut off at its bound', patience, async (t) => {
  const { port, stillWorks } = await stage(t);
  const peer = await joinPeer(t, port, 'hostile');
  const key = Buffer.alloc(4);
  const raw = (peer.socket as unknown as { _socket: net.Socket })._socket;
  const payload = Buffer.alloc(64 * 1024, 0xa0);
  raw.write(websocketFrame({ opcode: 2, payload, fin: false, key }));
  for (let sent = 0; sent <= HUBBLE_MESSAGE_MAX_BYTES && raw.writable; sent += payload.length)
    raw.write(websocketFrame({ opcode: 0, payload, fin: false, key }));
  await peer.ended();
  await stillWorks();
});

test(
  'text messages, and anything before the handshake, end their link only',
  patience,
  async (t) => {
    const { port, stillWorks } = await stage(t);
    const texting = await joinPeer(t, port, 'hostile');
    texting.socket.send('0383');
    await texting.ended();
    for (const type of [INITIATOR, DATA, TERMINATOR, 5, ACK, 77]) {
      const hasty = await connectPeer(t, port);
      hasty.send(type, { GUID: 'a', Ok: true });
      await hasty.ended();
      assert.deepEqual(hasty.heard, []);
    }
    await stillWorks();
  },
);

test(
  'messages of unknown sessions and unknown types, a second handshake, and terminators change nothing',
  patience,
  async (t) => {
    const { port, target, stillWorks } = await stage(t);
    const peer = await joinPeer(t, port, 'odd');
    peer.send(DATA, { GUID: 'nobody', Data: 'x', Order: 1 });
    peer.send(ACK, { GUID: 'nobody', Ok: true, Message: '' });
    peer.send(ACK, { GUID: '', Ok: true, Message: '' });
    peer.send(TERMINATOR, { GUID: 'nobody' });
    peer.send(5, { GUID: 'nobody' });
    peer.send(77, { GUID: 'nobody' });
    peer.send(HANDSHAKE, { Version: '0.1', Name: 'good', Key: '' });
    peer.send(INITIATOR, {
      GUID: 'a',
      Gatename: 'good',
      RemoteHost: '127.0.0.1',
      RemotePort: target,
    });
    assert.equal((await peer.hear(ACK, 'a')).fields.Ok, true);
    await stillWorks();
  },
);

test("another gateway's session cannot be taken over by its id", patience, async (t) => {
  const { port, target } = await stage(t);
  const victim = await joinPeer(t, port, 'victim');
  const opening = { GUID: 'known', Gatename: 'good', RemoteHost: '127.0.0.1', RemotePort: target };
  victim.send(INITIATOR, opening);
  await victim.hear(ACK, 'known');
  const thief = await joinPeer(t, port, 'thief');
  thief.send(DATA, { GUID: 'known', Data: 'stolen', Order: 1 });
  thief.send(5, { GUID: 'known' });
  thief.send(INITIATOR, opening);
  assert.equal((await thief.hear(ACK, 'known')).fields.Ok, true, 'a session of its own');
  thief.send(DATA, { GUID: 'known', Data: 'mine', Order: 1 });
  victim.send(DATA, { GUID: 'known', Data: 'mine too', Order: 1 });
  const echoes = (peer: HubblePeer): string =>
    peer.heard
      .filter(({ type }) => type === DATA)
      .map((one) => one.data().toString())
      .join('');
  await until('both are answered', () => echoes(thief) === 'mine' && echoes(victim) === 'mine too');
  assert.ok(!victim.heard.some(({ type }) => type === TERMINATOR));
});

test('a wrong order ends that session, and the same agent goes on', patience, async (t) => {
  const { port, target, stillWorks } = await stage(t);
  const peer = await joinPeer(t, port, 'hostile');
  for (const order of [0, 2, 2 ** 31]) {
    const GUID = `order-${order}`;
    peer.send(INITIATOR, { GUID, Gatename: 'good', RemoteHost: '127.0.0.1', RemotePort: target });
    await peer.hear(ACK, GUID);
    peer.send(DATA, { GUID, Data: 'x', Order: order });
    await peer.hear(TERMINATOR, GUID);
  }
  await stillWorks();
});

test('ten thousand failed openings leave nothing behind', patience, async (t) => {
  const { port } = await stage(t);
  const peer = await joinPeer(t, port, 'hostile');
  const count = 10_000;
  for (let i = 0; i < count; i++)
    peer.send(INITIATOR, { GUID: `g${i}`, Gatename: 'nobody', RemoteHost: 'h', RemotePort: 1 });
  await until('each is refused', () => peer.heard.length === count + 1, 30_000);
  for (let i = 0; i < 10; i++)
    peer.send(INITIATOR, { GUID: `g${i}`, Gatename: 'nobody', RemoteHost: 'h', RemotePort: 1 });
  await until('an id can be used again', () => peer.heard.length === count + 11);
});

test(
  'a peer that is gone without a word is noticed, and one that answers pings is kept',
  patience,
  async (t) => {
    const { address } = await composeHubbleServer(t, { heartbeatMs: 200 });
    const alive = await joinPeer(t, address.port, 'alive');
    const dead = await joinPeer(t, address.port, 'dead');
    (dead.socket as unknown as { _socket: net.Socket })._socket.pause();
    const consumer = await joinPeer(t, address.port, 'consumer');
    let tries = 0;
    await until('the dead one is forgotten', () => {
      const GUID = `try-${++tries}`;
      consumer.send(INITIATOR, { GUID, Gatename: 'dead', RemoteHost: 'h', RemotePort: 1 });
      return consumer.heard.some((one) => one.text('Message') === 'Gateway not registered');
    });
    assert.ok(alive.pings > 2);
    consumer.send(INITIATOR, { GUID: 'a', Gatename: 'alive', RemoteHost: 'h', RemotePort: 1 });
    await alive.hear(INITIATOR, 'a');
  },
);

test('who does not shake hands in time is cut off', patience, async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { address } = await composeHubbleServer(t);
  const silent = net.connect(address.port, '127.0.0.1');
  t.after(() => silent.destroy());
  silent.write(
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  const [answer] = (await once(silent, 'data')) as [Buffer];
  const head = answer.toString();
  assert.match(head, /^HTTP\/1\.1 101 /);
  assert.match(head, /\r\nConnection: Upgrade\r\n/, 'the originals want exactly this');
  assert.doesNotMatch(head, /Sec-WebSocket-Protocol/i);
  const end = once(silent.resume(), 'close');
  t.mock.timers.tick(10_000);
  t.mock.timers.reset();
  await within(5_000, end, 'the end');
});

test(
  'a web page does not get in, and what is no upgrade is not taken for one',
  patience,
  async (t) => {
    const { address } = await composeHubbleServer(t);
    const base = `http://127.0.0.1:${address.port}`;
    const upgrade = (headers: Record<string, string>): Promise<string> =>
      new Promise((resolve) => {
        const socket = net.connect(address.port, '127.0.0.1');
        t.after(() => socket.destroy());
        const fields = {
          Host: 'x',
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
          ...headers,
        };
        const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
        socket.write(`GET /any/path HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
        socket.once('data', (bytes: Buffer) => resolve(bytes.toString().split('\r\n')[0]));
      });
    assert.match(await upgrade({}), / 101 /);
    assert.match(await upgrade({ Origin: 'http://evil.example' }), / 403 /);
    assert.match(await upgrade({ 'Sec-WebSocket-Version': '8' }), / 400 /);
    assert.match(await upgrade({ 'Sec-WebSocket-Key': 'short' }), / 400 /);
    assert.equal(
      (await fetch(`${base}/healthz`)).status,
      200,
      'the server itself goes on answering',
    );
    const alone = await composeHubbleServer(t, { alone: true });
    const plain = await fetch(`http://127.0.0.1:${alone.address.port}/healthz`);
    assert.deepEqual([plain.status, await plain.text()], [400, 'Bad Request\n']);
  },
);
