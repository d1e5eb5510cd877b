import assert from 'node:assert/strict';
import { openGate } from '../../../test/support/gate.ts';
import { describe, test } from 'node:test';
import { DialledStream } from '../../../test/support/dialled-stream.ts';
import { noiseBytes } from '../../../test/support/noise.ts';
import { echo, openPublicPort, publicRanges } from '../../../test/support/public-port.ts';
import { connectClient, serveSockets } from '../../../test/support/service-door.ts';
import { until, within } from '../../../test/support/wait.ts';
import { SallyportError } from '../../errors.ts';
import type { StreamRequest, UpstreamReceiver } from '../../registry/upstream.ts';

describe('a public port', () => {
  test('carries bytes both ways and writes one line of them', async (t) => {
    const { door, port, connect } = await openPublicPort(t, echo);
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
    const { connect } = await openPublicPort(t, (socket) => {
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
      const { door, port, connect } = await openPublicPort(t, echo, { host });
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
    const { door, connect } = await openPublicPort(t, (socket) => socket.write('half'));
    const { received, ended } = connect();
    await until('the first half is here', () => received().length === 4);
    door.streams[0].fail(new SallyportError('LINK_LOST', 'link: gone'));
    await assert.rejects(within(5_000, ended), { code: 'ECONNRESET' });
    assert.equal((await door.line(0)).outcome, 'LINK_LOST');
  });

  test('a client that breaks off takes its stream with it', async (t) => {
    const { door, connect } = await openPublicPort(t, echo);
    const { socket, received } = connect();
    socket.write('x');
    await until('it is answered', () => received().length === 1);
    socket.resetAndDestroy();
    await within(5_000, door.streams[0].closed);
    assert.equal((await door.line(0)).outcome, 'closed');
  });

  test('a refused stream resets the connection and is logged', async (t) => {
    const { door, ports } = await openPublicPort(t, echo);
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
      (receiver: UpstreamReceiver) => new DialledStream(target, receiver),
    ];
    const upstream = { id: 'u', streams: 0, open: () => assert.fail('not asked') };
    const { door, connect } = await openPublicPort(t, echo, {
      gate: openGate({
        open: (_request, receiver) => ({ stream: open.shift()!(receiver), upstream }),
      }),
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
    const { door, connect } = await openPublicPort(t, (socket) => {
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
    const narrow = await openPublicPort(t, echo);
    const low = narrow.port;
    const { ports, port } = await openPublicPort(t, echo, {
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
    const { ports } = await openPublicPort(t, echo);
    for (const port of [22, 30_099, 30_301, 30_501, 65_536, -1, 30_100.5, NaN]) {
      await assert.rejects(ports.listen(port, 'two'), {
        code: 'PORT_DENIED',
        message: /30100-30300,30400-30500/,
      });
    }
  });

  test('a port belongs to one service; asking again for the same changes nothing', async (t) => {
    const { ports, port } = await openPublicPort(t, echo);
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
    const { ports } = await openPublicPort(t, echo, {
      ranges: [{ low: port, high: port }, ...publicRanges],
    });
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
    await assert.rejects(openPublicPort(t, echo, { host: '192.0.2.1' }), {
      code: 'LISTEN_FAILED',
      message: /EADDRNOTAVAIL/,
    });
  });

  test('no port is opened outside what the caller allows', async (t) => {
    const { ports } = await openPublicPort(t, echo);
    const only = (port: number) => [{ low: port, high: port }];
    const free = await ports.listen(0, 'probe');
    ports.release(free);
    assert.equal(await ports.listen(0, 'two', only(free)), free);
    await assert.rejects(ports.listen(0, 'three', only(free)), { code: 'PORT_TAKEN' });
    for (const port of [0, 30_200]) {
      await assert.rejects(ports.listen(port, 'three', only(1)), { code: 'PORT_DENIED' });
    }
  });

  test('a released port is closed, and free for the next; its connections go on', async (t) => {
    const { ports, port, connect } = await openPublicPort(t, echo);
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
    const { ports, port } = await openPublicPort(t, echo);
    ports.release(port);
    const opening = ports.listen(port, 'box');
    ports.release(port);
    await assert.rejects(opening, { code: 'SERVER_DRAINING' });
    await assert.rejects(within(5_000, connectClient(t, { port }).ended), { code: 'ECONNREFUSED' });
  });
});
