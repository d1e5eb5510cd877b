import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { until, within } from '../../test/support/wait.ts';
import { LOCAL_SLAB_BYTES } from '../limits.ts';
import { createConnectionCount } from './connection-count.ts';
import { acceptOptions } from './listen.ts';
import { SlabPool } from './slab.ts';
import { Wire } from './wire.ts';

async function listen(t: TestContext, max: number) {
  let complaints = 0;
  const count = createConnectionCount(max, () => complaints++);
  const admitted: net.Socket[] = [];
  const server = net.createServer(acceptOptions, (socket) => {
    socket.on('error', () => {});
    if (count.admit(socket)) admitted.push(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    for (const socket of admitted) socket.destroy();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  const open = (): net.Socket => {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {});
    t.after(() => socket.destroy());
    return socket;
  };
  /** Resolves when the connection has been closed by the other end. */
  const refused = (): Promise<void> =>
    within(5_000, new Promise((resolve) => open().on('close', () => resolve())), 'a refusal');
  return { count, admitted, open, refused, complaints: () => complaints };
}

test('beyond the maximum a connection is reset, and accepting goes on', async (t) => {
  const { count, admitted, open, refused, complaints } = await listen(t, 2);
  const first = open();
  open();
  await until('both are in', () => admitted.length === 2);
  for (let n = 1; n <= 3; n++) {
    await refused();
    assert.equal(count.refused, n);
  }
  assert.deepEqual([count.open, complaints()], [2, 1], 'one complaint, however many come');
  first.destroy();
  admitted[0].resume().end();
  await until('there is room', () => count.open === 1);
  open();
  await until('the next is in', () => admitted.length === 3);
  await refused();
  assert.equal(complaints(), 2);
});

test('the maximum can change while connections are open', async (t) => {
  const { count, admitted, open, refused } = await listen(t, 3);
  for (let n = 0; n < 3; n++) open();
  await until('they are in', () => admitted.length === 3);
  count.max = 1;
  await refused();
  assert.equal(count.open, 3, 'those who are in stay');
  count.max = 4;
  open();
  await until('the next is in', () => count.open === 4);
});

test('a connection that has become a wire is counted until it closes', async (t) => {
  const { count, admitted, open } = await listen(t, 1);
  const socket = open();
  await until('it is in', () => admitted.length === 1);
  const nobody = { read: () => true, ended() {}, closed() {} };
  const wire = Wire.accept(admitted[0], new SlabPool(LOCAL_SLAB_BYTES), nobody);
  assert.equal(count.open, 1);
  socket.destroy();
  wire.destroy();
  await until('it is gone', () => count.open === 0);
});
