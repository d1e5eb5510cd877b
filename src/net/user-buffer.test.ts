import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { heldBytes } from '../../test/support/memory.ts';
import { until, within } from '../../test/support/wait.ts';
import { acceptOptions } from './listen.ts';
import { readIntoBuffer } from './user-buffer.ts';

interface Accepted {
  readonly client: net.Socket;
  /** The one that reads into the buffer. */
  readonly socket: net.Socket;
  /** The one that the server made. */
  readonly first: WeakRef<net.Socket>;
}

/** `prepare` gets the socket as the server accepted it. */
async function accept(t: TestContext, prepare: (first: net.Socket) => void): Promise<Accepted> {
  const accepted = Promise.withResolvers<Omit<Accepted, 'client'>>();
  const server = net.createServer(acceptOptions, (first) => {
    prepare(first);
    const onread = { buffer: Buffer.alloc(64), callback: () => true };
    accepted.resolve({ socket: readIntoBuffer(first, onread)!, first: new WeakRef(first) });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const client = net.connect({ port, host: '127.0.0.1' });
  t.after(() => {
    client.destroy();
    server.close();
  });
  return { client, ...(await within(5_000, accepted.promise)) };
}

test('whoever waits for the end of an accepted socket hears of it, once', async (t) => {
  const heard: string[] = [];
  const { client, socket } = await accept(t, (first) => {
    first.once('close', () => void heard.push('once'));
    first.on('close', () => void heard.push('on'));
  });
  socket.on('error', () => {}).resume();
  assert.deepEqual(heard, []);
  client.resetAndDestroy();
  await until('both have heard', () => heard.length === 2);
  assert.deepEqual(heard, ['once', 'on']);
  assert.equal(socket.destroyed, true);
});

test('nothing holds the accepted socket, though somebody waits for its end', async (t) => {
  const { socket, first } = await accept(t, (accepted) => accepted.once('close', () => {}));
  await until('it is given back', () => {
    heldBytes();
    return first.deref() === undefined;
  });
  assert.equal(socket.destroyed, false);
});
