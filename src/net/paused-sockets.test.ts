import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { until, within } from '../../test/support/wait.ts';
import { PAUSED_PROBE_MS } from '../limits.ts';
import { acceptOptions } from './listen.ts';
import { forgetPaused, watchPaused } from './paused-sockets.ts';

/** A connection whose accepted end has read something and then stopped, with more waiting to be read. */
async function connectPaused(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const server = net.createServer(acceptOptions).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  peer.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const errors: string[] = [];
  socket.on('error', (error: NodeJS.ErrnoException) => void errors.push(error.code ?? ''));
  t.after(() => {
    // With nobody to look after, the next probe is the last one: each test begins anew.
    forgetPaused(socket);
    t.mock.timers.tick(PAUSED_PROBE_MS);
    peer.destroy();
    socket.destroy();
    server.close();
  });
  peer.write('first');
  socket.resume();
  await once(socket, 'data');
  socket.pause();
  peer.write('unread');
  await until('it has left', () => peer.writableLength === 0);
  return { peer, socket, errors, heard: () => once(peer, 'data') };
}

/** Lets the probes run until the condition holds. */
const probing = (t: TestContext, what: string, condition: () => boolean): Promise<number> =>
  until(what, () => {
    t.mock.timers.tick(PAUSED_PROBE_MS);
    return condition();
  });

test('a reset is noticed though nobody reads', async (t) => {
  const { peer, socket, errors } = await connectPaused(t);
  watchPaused(socket);
  peer.resetAndDestroy();
  await probing(t, 'the socket is gone', () => socket.destroyed);
  assert.equal(errors.length, 1);
  assert.match(errors[0], /EPIPE|ECONNRESET/);
});

test('a peer that only ended is left alone: its bytes are still there to be read', async (t) => {
  const { peer, socket, errors } = await connectPaused(t);
  watchPaused(socket);
  peer.end();
  await until('its end has left', () => peer.writableFinished);
  for (let probes = 0; probes < 5; probes++) t.mock.timers.tick(PAUSED_PROBE_MS);
  assert.deepEqual([socket.destroyed, errors], [false, []]);
  forgetPaused(socket);
  let heard = '';
  for await (const piece of socket) heard += String(piece);
  assert.equal(heard, 'unread');
});

test('the peer sees nothing of the probes, and what is written between them is whole', async (t) => {
  const { peer, socket, heard } = await connectPaused(t);
  watchPaused(socket);
  for (let probes = 0; probes < 5; probes++) t.mock.timers.tick(PAUSED_PROBE_MS);
  const answer = heard();
  socket.end('answer');
  assert.equal(String((await within(5_000, answer))[0]), 'answer');
  t.mock.timers.tick(2 * PAUSED_PROBE_MS);
  assert.ok(!socket.destroyed, 'one that has ended its side is not written to');
  assert.equal(peer.bytesRead, 'answer'.length);
});

test('one that reads again is not looked at, nor is one paused for less than a whole tick', async (t) => {
  const { socket } = await connectPaused(t);
  const write = t.mock.method(socket, 'write');
  watchPaused(socket);
  t.mock.timers.tick(PAUSED_PROBE_MS);
  forgetPaused(socket);
  watchPaused(socket);
  t.mock.timers.tick(PAUSED_PROBE_MS);
  assert.equal(write.mock.callCount(), 0);
  t.mock.timers.tick(PAUSED_PROBE_MS);
  assert.equal(write.mock.callCount(), 1);
  forgetPaused(socket);
  t.mock.timers.tick(3 * PAUSED_PROBE_MS);
  assert.equal(write.mock.callCount(), 1);
});
