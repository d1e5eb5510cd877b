import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { acceptOptions, startListening } from './listen.ts';

function createServer(t: TestContext): net.Server {
  const server = net.createServer(acceptOptions);
  t.after(() => server.close());
  return server;
}

const loopback = (port: number) => ({ host: '127.0.0.1', port });

test('port 0 picks one, and connections are accepted there, unread and half-open', async (t) => {
  const server = createServer(t);
  const port = await startListening(server, loopback(0), 'test');
  const client = net.connect(port, '127.0.0.1');
  client.end('x');
  const [accepted] = (await once(server, 'connection')) as [net.Socket];
  t.after(() => accepted.destroy());
  assert.ok(port > 0 && accepted.isPaused() && accepted.allowHalfOpen);
});

test('a port in use, and an address of others, are refused by name and place', async (t) => {
  const port = await startListening(createServer(t), loopback(0), 'test');
  const again = startListening(createServer(t), loopback(port), 'forward');
  await assert.rejects(again, (error: Error & { code: string; cause: { code: string } }) => {
    assert.deepEqual([error.code, error.cause.code], ['LISTEN_FAILED', 'EADDRINUSE']);
    assert.equal(error.message, `forward 127.0.0.1:${port}: another program listens there`);
    return true;
  });
  const elsewhere = startListening(createServer(t), { host: '192.0.2.1', port: 0 }, 'server');
  await assert.rejects(elsewhere, {
    code: 'LISTEN_FAILED',
    message: /192\.0\.2\.1:0: cannot listen: EADDRNOTAVAIL/,
  });
});

test('a later error is for the owner of the server', async (t) => {
  const server = createServer(t);
  await startListening(server, loopback(0), 'test');
  assert.equal(server.listenerCount('error'), 0);
});
