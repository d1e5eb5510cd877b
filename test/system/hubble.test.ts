/** Hubble agents, ours and ones that behave as the originals, at a server that speaks their protocol. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { parseProxy } from '../../src/transport/outgoing/proxy.ts';
import { composeHubbleServer, runHubble } from '../support/hubble.ts';
import {
  ACK,
  CLOSED,
  connectPeer,
  DATA,
  HANDSHAKE,
  hubbleMessage,
  INITIATOR,
  joinPeer,
  serveSessions,
  TERMINATOR,
} from '../support/hubble-peer.ts';
import { digestOf, noiseBytes, noiseDigest } from '../support/noise.ts';
import { connectClient, serveSockets } from '../support/service-door.ts';
import { until, within } from '../support/wait.ts';

const MB = 1024 * 1024;
const patience = { timeout: 60_000 };

const echo = (socket: net.Socket): void => void socket.pipe(socket);
const blob = noiseBytes(MB);
/** Says a megabyte, whatever comes. */
const blobs = (socket: net.Socket): void => void socket.resume().end(blob);

const session = { GUID: 'f47ac10b-58cc-4372-a567-0e02b2c3d479', Gatename: 'agent2', Key: '' };

async function download(port: number): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  return (await digestOf(socket)).digest;
}

test(
  'an original opens a session to an original: bytes both ways, in order, and the end',
  patience,
  async (t) => {
    const target = await serveSockets(t, echo);
    const { address } = await composeHubbleServer(t);
    serveSessions(await joinPeer(t, address.port, 'agent2'));
    const agent1 = await joinPeer(t, address.port, 'agent1');
    agent1.send(INITIATOR, { ...session, RemoteHost: '127.0.0.1', RemotePort: target });
    const ack = await agent1.hear(ACK, session.GUID);
    assert.deepEqual([ack.fields.Ok, ack.text('Message')], [true, '<nil>']);
    const said = ['hello', ' ', 'world'];
    said.forEach((text, i) => agent1.send(DATA, { GUID: session.GUID, Data: text, Order: i + 1 }));
    const heard = (): Buffer =>
      Buffer.concat(agent1.heard.filter(({ type }) => type === DATA).map((one) => one.data()));
    await until('the echo is there', () => heard().toString() === 'hello world');
    const orders = agent1.heard
      .filter(({ type }) => type === DATA)
      .map(({ fields }) => fields.Order);
    assert.deepEqual(
      orders,
      orders.map((_, i) => i + 1),
    );
    agent1.send(DATA, { GUID: session.GUID, Data: '', Order: 4 });
    agent1.send(CLOSED, { GUID: session.GUID });
    await agent1.hear(TERMINATOR, session.GUID);
  },
);

for (const kind of ['ours', 'original'] as const) {
  test(`ten megabytes at once from a gateway (${kind}) through port 0`, patience, async (t) => {
    const target = await serveSockets(t, blobs);
    const { address } = await composeHubbleServer(t);
    if (kind === 'original') serveSessions(await joinPeer(t, address.port, 'agent2'));
    else await runHubble(t, address, { name: 'agent2' }).connected();
    const agent1 = runHubble(t, address, {
      name: 'agent1',
      rules: [`0:key@agent2:127.0.0.1:${target}`],
    });
    await agent1.connected();
    const digests = await Promise.all(Array.from({ length: 10 }, () => download(agent1.ports[0])));
    assert.deepEqual(new Set(digests), new Set([noiseDigest(MB)]));
  });

  test(`a megabyte sent and echoed by way of a gateway (${kind})`, patience, async (t) => {
    const target = await serveSockets(t, echo);
    const { address } = await composeHubbleServer(t);
    if (kind === 'original') serveSessions(await joinPeer(t, address.port, 'agent2'));
    else await runHubble(t, address, { name: 'agent2' }).connected();
    const agent1 = runHubble(t, address, {
      name: 'agent1',
      rules: [`0:agent2:127.0.0.1:${target}`],
    });
    await agent1.connected();
    const client = connectClient(t, { port: agent1.ports[0] });
    client.socket.write(blob);
    await until('all of it is back', () => client.received().length === MB);
    assert.ok(client.received().equals(blob));
    client.socket.end();
    await within(10_000, client.ended, 'the end');
  });
}

test('opening messages of every generation pass unchanged, and so does their data', async (t) => {
  const { address } = await composeHubbleServer(t);
  const agent2 = await joinPeer(t, address.port, 'agent2');
  const agent1 = await joinPeer(t, address.port, 'agent1');
  const Ip = Buffer.from('00000000000000000000ffff7f000001', 'hex');
  const { Key: _, ...keyless } = session;
  const generations = [
    { ...keyless, GUID: 'a', Ip, Port: 22 },
    { ...session, GUID: 'b', Key: 'secret', Ip, Port: 22 },
    { ...session, GUID: 'c', Key: 'secret', RemoteHost: 'db.internal', RemotePort: 22 },
  ];
  for (const fields of generations) {
    agent1.send(INITIATOR, fields);
    const { bytes } = await agent2.hear(INITIATOR, fields.GUID);
    assert.deepEqual(bytes, hubbleMessage(INITIATOR, fields));
  }
});

test('a gateway opens sessions to itself', patience, async (t) => {
  const target = await serveSockets(t, echo);
  const { address } = await composeHubbleServer(t);
  const agent = runHubble(t, address, { name: 'me', rules: [`0:me:127.0.0.1:${target}`] });
  await agent.connected();
  const client = connectClient(t, { port: agent.ports[0] });
  client.socket.end('to myself');
  await within(10_000, client.ended, 'the echo');
  assert.equal(client.received().toString(), 'to myself');
  const peer = await joinPeer(t, address.port, 'original');
  peer.send(INITIATOR, { ...session, Gatename: 'original', RemoteHost: 'h', RemotePort: 1 });
  const asked = await peer.hear(INITIATOR);
  assert.notEqual(asked.text('GUID'), session.GUID, 'one id stands for one session of a link');
});

test('handshakes: another version, another first message, a text message, silence about names', async (t) => {
  const { address } = await composeHubbleServer(t);
  const old = await connectPeer(t, address.port);
  old.send(HANDSHAKE, { Version: '0.2', Name: 'a', Key: '' });
  const ack = await old.hear(ACK);
  const message = [ack.fields.Ok, ack.text('Message'), ack.text('GUID')];
  assert.deepEqual(message, [false, 'Invalid protocol version', '']);
  await old.ended();
  const hasty = await connectPeer(t, address.port);
  hasty.send(DATA, { GUID: 'a', Data: 'x', Order: 1 });
  await hasty.ended();
  assert.deepEqual(hasty.heard, []);
  const texting = await joinPeer(t, address.port, 'texting');
  texting.socket.send('text');
  await texting.ended();
  const unnamed = await connectPeer(t, address.port);
  unnamed.send(HANDSHAKE, { Version: '0.1', Name: 'a b\u001b[2J', Key: '' });
  assert.match((await unnamed.hear(ACK)).text('Message'), /^NAME_INVALID: gateway "a b\\u\{1b\}/);
  await unnamed.ended();
});

test('two agents of one name: the newer one is reached, also when the older one leaves', async (t) => {
  const { address } = await composeHubbleServer(t);
  const older = await joinPeer(t, address.port, 'agent2');
  const newer = await joinPeer(t, address.port, 'agent2');
  const agent1 = await joinPeer(t, address.port, 'agent1');
  const open = (GUID: string): void =>
    agent1.send(INITIATOR, { ...session, GUID, RemoteHost: 'h', RemotePort: 1 });
  open('first');
  await newer.hear(INITIATOR, 'first');
  older.socket.close();
  await older.ended();
  open('second');
  await newer.hear(INITIATOR, 'second');
  assert.equal(
    older.heard.some(({ type }) => type === INITIATOR),
    false,
  );
});

test(
  'a gateway that vanishes ends its sessions, and one that comes back is reached again',
  patience,
  async (t) => {
    const target = await serveSockets(t, echo);
    const { address } = await composeHubbleServer(t);
    const agent2 = await joinPeer(t, address.port, 'agent2');
    serveSessions(agent2);
    const agent1 = runHubble(t, address, {
      name: 'agent1',
      rules: [`0:agent2:127.0.0.1:${target}`],
    });
    await agent1.connected();
    const client = connectClient(t, { port: agent1.ports[0] });
    client.socket.write('before');
    await until('the echo is there', () => client.received().toString() === 'before');
    agent2.socket.terminate();
    await assert.rejects(within(10_000, client.ended, 'the break'), /ECONNRESET/);
    serveSessions(await joinPeer(t, address.port, 'agent2'));
    const again = connectClient(t, { port: agent1.ports[0] });
    again.socket.write('after');
    await until('the echo is there', () => again.received().toString() === 'after');
  },
);

test(
  'an agent comes back to a proxy that was restarted, on the same dynamic port',
  patience,
  async (t) => {
    const target = await serveSockets(t, echo);
    const first = await composeHubbleServer(t);
    const { port } = first.address;
    const agent1 = runHubble(t, first.address, {
      name: 'agent1',
      rules: [`0:agent2:127.0.0.1:${target}`],
    });
    const agent2 = runHubble(t, first.address, { name: 'agent2' });
    await Promise.all([agent1.connected(), agent2.connected()]);
    await first.close(0);
    await until('both have noticed', () => agent1.losses.length > 0 && agent2.losses.length > 0);
    await composeHubbleServer(t, {}, { listen: { host: '127.0.0.1', port } });
    await Promise.all([agent1.connected(2), agent2.connected(2)]);
    assert.equal(agent1.ports.length, 1, 'the port was opened once');
    const client = connectClient(t, { port: agent1.ports[0] });
    client.socket.end('again');
    await within(10_000, client.ended, 'the echo');
    assert.equal(client.received().toString(), 'again');
  },
);

test('an agent connects through an HTTP proxy', patience, async (t) => {
  const target = await serveSockets(t, echo);
  const { address } = await composeHubbleServer(t);
  const asked: string[] = [];
  const outgoing = http.createServer().on('connect', (request, socket, head) => {
    asked.push(request.url!);
    const onwards = net.connect(address.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onwards.write(head);
      socket.pipe(onwards).pipe(socket);
    });
    t.after(() => onwards.destroy());
    onwards.on('error', () => socket.destroy());
    socket.on('error', () => onwards.destroy());
  });
  await once(outgoing.listen(0, '127.0.0.1'), 'listening');
  t.after(() => outgoing.close());
  const proxy = parseProxy(`127.0.0.1:${(outgoing.address() as net.AddressInfo).port}`);
  const rules = [`0:agent1:127.0.0.1:${target}`];
  const agent = runHubble(t, address, { name: 'agent1', rules }, { wayOut: { proxy } });
  await agent.connected();
  assert.deepEqual(asked, [`127.0.0.1:${address.port}`]);
  const client = connectClient(t, { port: agent.ports[0] });
  client.socket.end('through');
  await within(10_000, client.ended, 'the echo');
  assert.equal(client.received().toString(), 'through');
});
