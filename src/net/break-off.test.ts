import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { within } from '../../test/support/wait.ts';
import { breakOff } from './break-off.ts';

test('a TCP peer reads a reset, not the end of the data', async (t) => {
  const server = net.createServer((socket) => {
    socket.write('half of it', () => breakOff(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1').resume();
  const ended = { seen: false };
  socket.on('end', () => (ended.seen = true));
  const [error] = (await within(5_000, once(socket, 'error'))) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  assert.equal(ended.seen, false);
});

test('a socket that is still connecting is closed at once', async () => {
  const socket = net.connect(9, '127.0.0.1', () => assert.fail('connected'));
  socket.on('error', () => {});
  breakOff(socket);
  assert.equal(socket.destroyed, true);
  await within(5_000, once(socket, 'close'));
  breakOff(socket);
});

test('a Unix socket and any other duplex are destroyed', async (t) => {
  const [one] = duplexPair();
  breakOff(one);
  assert.equal(one.destroyed, true);
  const server = net.createServer(breakOff);
  await once(server.listen(`\0sallyport-break-off-${process.pid}`), 'listening');
  t.after(() => server.close());
  const socket = net.connect(server.address() as string).resume();
  await within(5_000, once(socket, 'close'));
});
