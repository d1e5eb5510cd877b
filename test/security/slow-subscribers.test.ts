import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { allScopes } from '../../src/access/identity.ts';
import { composeServer, runAgent, service } from '../support/composition.ts';
import { open } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { percentile, runLoad } from '../support/load.ts';
import { heldBytes } from '../support/memory.ts';
import { until } from '../support/wait.ts';

const MB = 1024 * 1024;
const token = 'sp_token-of-a-slow-subscriber';
const SUBSCRIBERS = 20;

test('followers of events that read nothing hold up no request and no memory; one that reads has all', async (t) => {
  const server = await composeServer(t, {
    requestEvents: 1,
    identities: [{ ...allScopes, name: 'ann', token }],
  });
  const { port } = server.address;
  const origin = await startOrigin(t, { log: false });
  const web = service('web', origin.address, { kind: 'http' });
  const agent = runAgent(t, server.address, [web], { token });
  await agent.ready();
  // Each event is about 2 KB, so that what is not read would be more than kernels take.
  const path = `/${'x'.repeat(2_000)}`;
  const load = () => runLoad({ port, host: 'web.localhost', path, rate: 300, ms: 5_000 });
  const slowest = (fates: Awaited<ReturnType<typeof load>>): number =>
    percentile(
      fates.map(({ ms }) => ms),
      0.99,
    );
  const before = await load();

  for (let n = 0; n < SUBSCRIBERS; n++) {
    const socket = net.connect(port, '127.0.0.1').pause();
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    const from = 'Last-Event-ID: 0\r\n';
    const credential = `Authorization: Bearer ${token}\r\n`;
    socket.write(`GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n${from}${credential}\r\n`);
  }
  const after = String(server.events.seq);
  const headers = { authorization: `Bearer ${token}`, 'last-event-id': after };
  const reader = await open({ port, path: '/api/v1/events?type=http.*', headers, timeout: 60_000 });
  let stream = '';
  reader.on('data', (piece: Buffer) => (stream += piece.toString()));
  reader.on('error', () => {});
  t.after(() => reader.destroy());

  const held = heldBytes();
  const during = await load();
  assert.ok(before.length > 500 && during.length > 500);
  // The origin has no such path, and says so each time.
  assert.ok([...before, ...during].every(({ status }) => status === 404));
  const grown = heldBytes() - held;
  assert.ok(grown < 24 * MB, `${Math.round(grown / MB)} MB more`);
  const [then, now] = [slowest(before), slowest(during)];
  assert.ok(now < 4 * then + 100, `99 of 100 took ${then} ms before, ${now} ms with them`);
  const list = server.events.since(Number(after))!.filter(({ type }) => type === 'http.request');
  assert.equal(list.length, during.length);
  const told = (): number => stream.match(/^data: /gm)?.length ?? 0;
  await until('all of them are told', () => told() === list.length);
});
