import assert from 'node:assert/strict';
import { once } from 'node:events';
import type net from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { DialledStream } from '../../../test/support/dialled-stream.ts';
import { noiseBytes } from '../../../test/support/noise.ts';
import {
  connectClient,
  openDoor,
  serveSockets,
  type Client,
  type ServiceDoor,
} from '../../../test/support/service-door.ts';
import { until, within } from '../../../test/support/wait.ts';
import { SallyportError } from '../../errors.ts';
import { PROXY_HEADER_TIMEOUT_MS } from '../../limits.ts';
import { encodeProxyHeader } from '../../net/proxy-protocol.ts';
import type { PortRange } from '../../net/ports.ts';
import type { StreamRequest, UpstreamReceiver } from '../../registry/upstream.ts';
import { createTcpIngress, type PublicPorts, type TcpIngressOptions } from './ports.ts';

interface Bench {
  readonly door: ServiceDoor;
  readonly ports: PublicPorts;
  /** The public port of `box`. */
  readonly port: number;
  connect(options?: Partial<net.TcpNetConnectOpts>): Client;
}

/** Ports that the system gives to nobody by itself; others may use some of them. */
const ranges: PortRange[] = [
  { low: 30_100, high: 30_300 },
  { low: 30_400, high: 30_500 },
];

async function serve(
  t: TestContext,
  target: (socket: net.Socket) => void,
  options: Partial<TcpIngressOptions> = {},
): Promise<Bench> {
  const door = openDoor(t, { box: await serveSockets(t, target) });
  const ports = createTcpIngress({ ...door, host: '127.0.0.1', ranges, ...options });
  t.after(() => ports.close());
  const port = await ports.listen(0, 'box');
  return { door, ports, port, connect: (more) => connectClient(t, { port, ...more }) };
}

const echo = (socket: net.Socket): void => void socket.pipe(socket);

describe('a public port', () => {
  test('carries bytes both ways and writes one line of them', async (t) => {
    const { door, port, connect } = await serve(t, echo);
    const sent = noiseBytes(3_000_000);
    const { socket, ended, received } = connect();
    socket.end(sent);
    await within(10_000, ended);
    assert.ok(sent.equals(received()));
    const consumer = `127.0.0.1:${door.requests[0].consumer.split(':')[1]}`;
    assert.deepEqual(door.requests, [
      { service: 'box', kind: 'tcp', consumer, id: 'id-0', local: `127.0.0.1:${port}` },
    ]);
    const { ms, ...line } = await door.line(0);
    assert.ok(ms >= 0 && Number.isInteger(ms));
    assert.deepEqual(line, {
      id: 'id-0',
      service: 'box',
      consumer,
      bytesUp: sent.length,
      bytesDown: sent.length,
      outcome: 'ok',
    });
    assert.equal(door.streams[0].owed, 0, 'every byte is credited');
  });

  test('the answer may come after the client has ended', async (t) => {
    const { connect } = await serve(t, (socket) => {
      let heard = 0;
      socket.on('data', (piece) => (heard += piece.length));
      socket.on('end', () => setImmediate(() => socket.end(`heard ${heard}`)));
    });
    const { socket, ended, received } = connect();
    socket.end('hello');
    await within(5_000, ended);
    assert.equal(received().toString(), 'heard 5');
  });

  for (const host of ['localhost', '::ffff:127.0.0.1']) {
    test(`both ends of a connection are named by their addresses: ${host}`, async (t) => {
      const { door, port, connect } = await serve(t, echo, { host });
      const { ended, socket } = connect({ host });
      socket.end();
      await within(5_000, ended);
      const { consumer, local } = door.requests[0] as StreamRequest & { local: string };
      const address = consumer.startsWith('127.0.0.1:') ? '127.0.0.1' : '[::1]';
      assert.equal(consumer, `${address}:${consumer.split(':').at(-1)}`);
      assert.equal(local, `${address}:${port}`);
    });
  }

  test('half a transfer does not look like a whole one', async (t) => {
    const { door, connect } = await serve(t, (socket) => socket.write('half'));
    const { received, ended } = connect();
    await until('the first half is here', () => received().length === 4);
    door.streams[0].fail(new SallyportError('LINK_LOST', 'link: gone'));
    await assert.rejects(within(5_000, ended), { code: 'ECONNRESET' });
    assert.equal((await door.line(0)).outcome, 'LINK_LOST');
  });

  test('a client that breaks off takes its stream with it', async (t) => {
    const { door, connect } = await serve(t, echo);
    const { socket, received } = connect();
    socket.write('x');
    await until('it is answered', () => received().length === 1);
    socket.resetAndDestroy();
    await within(5_000, door.streams[0].closed);
    assert.equal((await door.line(0)).outcome, 'closed');
  });

  test('a refused stream resets the connection and is logged', async (t) => {
    const { door, ports } = await serve(t, echo);
    const port = await ports.listen(0, 'absent');
    await assert.rejects(within(5_000, connectClient(t, { port }).ended), { code: 'ECONNRESET' });
    const { outcome, service, bytesUp } = await door.line(0);
    assert.deepEqual(
      { outcome, service, bytesUp },
      { outcome: 'SERVICE_ABSENT', service: 'absent', bytesUp: 0 },
    );
  });

  test('a defect while opening is that connection’s end only', async (t) => {
    const target = await serveSockets(t, echo);
    const open = [
      () => assert.fail('a defect'),
      (_request: StreamRequest, receiver: UpstreamReceiver) => new DialledStream(target, receiver),
    ];
    const { door, connect } = await serve(t, echo, {
      open: (request, receiver) => open.shift()!(request, receiver),
    });
    await assert.rejects(within(5_000, connect().ended), { code: 'ECONNRESET' });
    assert.equal((await door.line(0)).outcome, 'INTERNAL');
    const { socket, ended, received } = connect();
    socket.end('x');
    await within(5_000, ended);
    assert.equal(received().toString(), 'x');
  });

  test('a client that does not read stops its own target only', async (t) => {
    const flood = Buffer.alloc(64 * 1024);
    const { door, connect } = await serve(t, (socket) => {
      const pour = (): void => {
        while (socket.write(flood));
      };
      socket.once('data', (first) => (first.toString() === 'pour' ? pour() : socket.end(first)));
      socket.on('drain', pour);
    });
    const stalled = connect();
    stalled.socket.pause();
    stalled.socket.write('pour');
    await until('its bytes are held', () => (door.streams[0]?.owed ?? 0) > 0);
    const other = connect();
    other.socket.write('other');
    await within(5_000, other.ended);
    assert.equal(other.received().toString(), 'other');
  });
});

describe('ports', () => {
  test('0 is any of the range, never one in use', async (t) => {
    const narrow = await serve(t, echo);
    const low = narrow.port;
    const { ports, port } = await serve(t, echo, {
      ranges: [
        { low, high: low },
        { low: low + 1, high: low + 1 },
      ],
    });
    assert.equal(port, low + 1, 'the other one is in use by another ingress');
    await assert.rejects(ports.listen(0, 'two'), {
      code: 'PORT_TAKEN',
      message: new RegExp(`none of ${low},${low + 1} `),
    });
  });

  test('a port outside of the ranges is denied, and the ranges are named', async (t) => {
    const { ports } = await serve(t, echo);
    for (const port of [22, 30_099, 30_301, 30_501, 65_536, -1, 30_100.5, NaN]) {
      await assert.rejects(ports.listen(port, 'two'), {
        code: 'PORT_DENIED',
        message: /30100-30300,30400-30500/,
      });
    }
  });

  test('a port belongs to one service; asking again for the same changes nothing', async (t) => {
    const { ports, port } = await serve(t, echo);
    await assert.rejects(ports.listen(port, 'two'), {
      code: 'PORT_TAKEN',
      message: /another service/,
    });
    assert.equal(await ports.listen(port, 'box'), port);
    ports.release(port);
    const both = await Promise.allSettled([ports.listen(port, 'one'), ports.listen(port, 'two')]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
  });

  test('a port of another program is taken', async (t) => {
    const port = await serveSockets(t, echo);
    const { ports } = await serve(t, echo, { ranges: [{ low: port, high: port }, ...ranges] });
    await assert.rejects(ports.listen(port, 'two'), {
      code: 'PORT_TAKEN',
      message: /another program/,
    });
    await assert.rejects(ports.listen(port, 'two'), {
      code: 'PORT_TAKEN',
      message: /another program/,
    });
  });

  test('an address that is not ours cannot be listened on', async (t) => {
    await assert.rejects(serve(t, echo, { host: '192.0.2.1' }), {
      code: 'LISTEN_FAILED',
      message: /EADDRNOTAVAIL/,
    });
  });

  test('each candidate is checked, and a refusal is passed on', async (t) => {
    const { ports } = await serve(t, echo);
    const denied = new SallyportError('DENIED', 'not this one');
    const only =
      (allowed: number) =>
      (port: number): void => {
        if (port !== allowed) throw denied;
      };
    const free = await ports.listen(0, 'probe');
    ports.release(free);
    assert.equal(await ports.listen(0, 'two', only(free)), free);
    await assert.rejects(ports.listen(0, 'two', only(1)), denied);
    await assert.rejects(ports.listen(30_200, 'three', only(1)), denied);
  });

  test('a released port is closed, and free for the next; its connections go on', async (t) => {
    const { ports, port, connect } = await serve(t, echo);
    const { socket, received, ended } = connect();
    socket.write('a');
    await until('it is answered', () => received().length === 1);
    ports.release(port);
    await assert.rejects(within(5_000, connect().ended), { code: 'ECONNREFUSED' });
    assert.equal(await ports.listen(port, 'box'), port);
    socket.end('b');
    await within(5_000, ended);
    assert.equal(received().toString(), 'ab');
  });

  test('one given back while it is being opened does not stay open', async (t) => {
    const { ports, port } = await serve(t, echo);
    ports.release(port);
    const opening = ports.listen(port, 'box');
    ports.release(port);
    await assert.rejects(opening, { code: 'SERVER_DRAINING' });
    await assert.rejects(within(5_000, connectClient(t, { port }).ended), { code: 'ECONNREFUSED' });
  });
});

describe('with a trusted proxy before it', () => {
  const trusting = { proxyProtocolFrom: (ip: string) => ip === '127.0.0.1' };

  for (const version of ['v1', 'v2'] as const) {
    test(`a PROXY header ${version} names the consumer, in whatever pieces it comes`, async (t) => {
      const { door, connect } = await serve(t, echo, trusting);
      const header = encodeProxyHeader(version, '203.0.113.7:1234', '198.51.100.1:443');
      const { socket, ended, received } = connect();
      socket.setNoDelay(true);
      for (const byte of header) await new Promise((sent) => socket.write(Buffer.of(byte), sent));
      socket.end('hello');
      await within(5_000, ended);
      assert.equal(received().toString(), 'hello');
      assert.equal(door.requests[0].consumer, '203.0.113.7:1234');
      assert.equal((door.requests[0] as { local?: string }).local, '198.51.100.1:443');
      const whole = connect();
      whole.socket.end(Buffer.concat([header, Buffer.from('in one')]));
      await within(5_000, whole.ended);
      assert.equal(whole.received().toString(), 'in one');
      assert.equal((await door.line(1)).bytesUp, 6, 'the header does not count');
    });
  }

  test('one that speaks for itself is the consumer', async (t) => {
    const { door, connect } = await serve(t, echo, trusting);
    const { socket, ended } = connect();
    socket.end(encodeProxyHeader('v2', '', ''));
    await within(5_000, ended);
    assert.match(door.requests[0].consumer, /^127\.0\.0\.1:/);
  });

  test('attack: a PROXY header of a peer that is not trusted is payload', async (t) => {
    const { door, connect } = await serve(t, echo, trusting);
    const forged = encodeProxyHeader('v1', '203.0.113.7:1234', null);
    const { socket, ended, received } = connect({ localAddress: '127.0.0.2' });
    socket.end(forged);
    await within(5_000, ended);
    assert.match(door.requests[0].consumer, /^127\.0\.0\.2:/);
    assert.ok(forged.equals(received()));
  });

  test('attack: a connection without the header gets nowhere', async (t) => {
    const { door, connect } = await serve(t, echo, trusting);
    const { socket, ended } = connect();
    socket.write('GET / HTTP/1.1\r\n');
    await assert.rejects(within(5_000, ended), { code: 'ECONNRESET' });
    const { outcome, service } = await door.line(0);
    assert.deepEqual(
      { outcome, service, opened: door.requests },
      { outcome: 'REQUEST_INVALID', service: 'box', opened: [] },
    );
  });

  test('attack: a header that never ends is cut off', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { door, connect } = await serve(t, echo, trusting);
    const slow = connect();
    await once(slow.socket, 'connect');
    slow.socket.write('PROXY TCP4 1.2.');
    // Accepted after the slow one, and answered: so the slow one has been accepted too.
    const quick = connect();
    quick.socket.write('PROXY UNKNOWN\r\nx');
    await once(quick.socket, 'data');
    t.mock.timers.tick(PROXY_HEADER_TIMEOUT_MS - 1);
    assert.deepEqual(door.lines, []);
    t.mock.timers.tick(1);
    await assert.rejects(slow.ended, { code: 'ECONNRESET' });
    assert.deepEqual(
      door.lines.map(({ outcome }) => outcome),
      ['REQUEST_TIMEOUT'],
    );
    quick.socket.end();
    await quick.ended;
  });

  test('a health check that comes and goes is not logged', async (t) => {
    const { door, connect } = await serve(t, echo, trusting);
    const silent = connect();
    silent.socket.end();
    await within(
      5_000,
      silent.ended.catch(() => {}),
    );
    const cut = connect();
    cut.socket.end('PROXY');
    await assert.rejects(within(5_000, cut.ended), { code: 'ECONNRESET' });
    assert.equal((await door.line(0)).outcome, 'REQUEST_INVALID');
    assert.equal(door.lines.length, 1);
  });

  test('closing breaks off those that still owe their header', async (t) => {
    const { door, ports, connect } = await serve(t, echo, trusting);
    const { socket, ended } = connect();
    await once(socket, 'connect');
    socket.write('PROXY ');
    const proven = connect();
    proven.socket.write('PROXY UNKNOWN\r\nx');
    await until('the other one is open', () => proven.received().length === 1);
    ports.close();
    await assert.rejects(within(5_000, ended), { code: 'ECONNRESET' });
    assert.equal((await door.line(0)).outcome, 'SERVER_DRAINING');
    proven.socket.end('y');
    await within(5_000, proven.ended);
    assert.equal(proven.received().toString(), 'xy');
  });
});
