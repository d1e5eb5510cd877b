import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { allScopes } from '../../src/access/identity.ts';
import { GUESSES_FREE } from '../../src/limits.ts';
import { composeConsumer, composeServer, runAgent, service } from '../support/composition.ts';
import { heldBytes } from '../support/memory.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { within } from '../support/wait.ts';

const ROUNDS = process.env.SALLYPORT_TEST_LONG === '1' ? 100_000 : 10_000;
const MB = 1024 * 1024;

const knock = (authorization: string, from: string): string =>
  [
    'GET /api/v1/attach HTTP/1.1',
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: sallyport.v1',
    `Authorization: ${authorization}`,
    `X-Forwarded-For: ${from}`,
    '\r\n',
  ].join('\r\n');

/** Knocks one after the other on one connection; the statuses, and the heads, in order. */
async function knockAll(port: number, knocks: readonly string[]) {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  const done = Promise.withResolvers<void>();
  let answered = 0;
  let from = 0;
  socket.on('data', (piece: Buffer) => {
    text += piece.toString('latin1');
    for (let at; (at = text.indexOf('\r\nSallyport-Error: ', from)) !== -1; from = at + 1)
      answered++;
    if (answered === knocks.length && text.endsWith('\n')) done.resolve();
  });
  socket.on('close', () => done.resolve());
  socket.write(knocks.join(''));
  await within(60_000, done.promise, 'all answers');
  socket.destroy();
  const answers = text.split('HTTP/1.1 ').slice(1);
  return { answers, statuses: answers.map((answer) => Number(answer.slice(0, 3))) };
}

const count = (statuses: readonly number[], status: number): number =>
  statuses.filter((one) => one === status).length;

test('guessing tokens: refused at little cost, then unheard, while the first holder keeps its name', async (t) => {
  const server = await composeServer(t, {
    trustedProxies: ['127.0.0.1'],
    identities: [
      { ...allScopes, name: 'ann', token: 'sp_of-ann' },
      { ...allScopes, name: 'bob', token: 'sp_of-bob' },
    ],
  });
  const { port } = server.address;
  const echo = await startEcho(t);
  const box = service('box', echo.address, { exclusive: 'first' });
  const holder = runAgent(t, server.address, [box], { token: 'sp_of-ann' });
  await holder.ready();
  const before = heldBytes();

  const guesses = Array.from({ length: ROUNDS }, (_, i) =>
    knock(
      i % 2 === 0
        ? `Bearer sp_guess-${i}`
        : `Basic ${Buffer.from(`${i % 4 === 1 ? 'ann' : 'nobody'}:guess-${i}`).toString('base64')}`,
      '192.0.2.66',
    ),
  );
  const { answers, statuses } = await knockAll(port, guesses);
  assert.equal(statuses.length, ROUNDS, 'each was answered');
  assert.equal(count(statuses, 401) + count(statuses, 429), ROUNDS);
  assert.ok(count(statuses, 401) >= GUESSES_FREE);
  assert.ok(count(statuses, 401) <= GUESSES_FREE + 5, 'few were heard');
  assert.match(answers.at(-1)!, /TOO_MANY_GUESSES/);
  const failed = server.events.since(0)!.filter(({ type }) => type === 'auth.failed');
  assert.equal(failed.length, count(statuses, 401), 'those that were not heard are no events');

  const late = await knockAll(port, [knock('Bearer sp_of-bob', '192.0.2.66')]);
  assert.deepEqual(late.statuses, [429], 'a right one is not heard from there either');
  const rival = runAgent(t, server.address, [box], { token: 'sp_of-bob' });
  await assert.rejects(rival.running, { code: 'NAME_TAKEN' });
  const consumer = composeConsumer(t, server.address, { token: 'sp_of-bob' });
  await consumer.attach(new AbortController().signal);
  assert.deepEqual(holder.losses, []);
  assert.ok(heldBytes() - before < 32 * MB);
});

test('guessing tokens from a whole network: one that rotates its addresses is one guesser', async (t) => {
  const server = await composeServer(t, { trustedProxies: ['127.0.0.1'] });
  const guesses = Array.from({ length: 100 }, (_, i) =>
    knock(`Bearer sp_guess-${i}`, `2001:db8:0:7::${i.toString(16)}`),
  );
  const { statuses } = await knockAll(server.address.port, guesses);
  assert.equal(count(statuses, 401) + count(statuses, 429), 100);
  assert.ok(count(statuses, 401) <= GUESSES_FREE + 5);
});
