/** Registration of clients of reverst in the process for QUIC, and how they are let go of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AUTHORIZATION, packRequest, packResponse } from '../../src/compat/reverst/registration.ts';
import { SallyportError } from '../../src/errors.ts';
import { GROUP, SECRET, pong, startReverst } from '../support/reverst-tunnels.ts';
import { until } from '../support/wait.ts';

const registration = (group: string, authorization?: string): Buffer =>
  packRequest(group, new Map(authorization === undefined ? [] : [[AUTHORIZATION, authorization]]));

test('who is let in is answered with one value, and its signals may come before that', async (t) => {
  const { register, ask } = await startReverst(t);
  const client = await register(pong);
  assert.ok(client.answer().equals(packResponse()));
  assert.equal((await ask()).text, 'PONG');
});

test('refusals are closes with the codes and words of the originals, and no answer', async (t) => {
  const { dial } = await startReverst(t);
  const refused = async (bytes: Buffer, end = false): Promise<unknown[]> => {
    const client = await dial();
    client.say(bytes, end);
    await until('it is closed', () => client.ends.length === 1);
    const { remote, application, code, reason } = client.ends[0];
    assert.deepEqual([remote, application, client.answer().length], [true, true, 0]);
    return [code, reason];
  };
  assert.deepEqual(await refused(registration(GROUP, 'Bearer wrong')), [0x2, 'unauthorized']);
  assert.deepEqual(await refused(registration(GROUP)), [0x2, 'unauthorized']);
  assert.deepEqual(await refused(registration('other', SECRET)), [0x1, 'not found']);
  assert.deepEqual((await refused(Buffer.from('c1', 'hex')))[0], 0x1);
  const [code, reason] = await refused(Buffer.from('83a7', 'hex'), true);
  assert.equal(code, 0x1);
  assert.match(String(reason), /EOF/);
});

test('a server that stops, and an operator, tell clients so', async (t) => {
  const { register, server, tunnels } = await startReverst(t);
  const kicked = await register(pong);
  const stopped = await register(pong);
  tunnels[0].close(new SallyportError('KICKED', 'by an operator'));
  await until('it is told', () => kicked.ends.length === 1);
  assert.deepEqual([kicked.ends[0].code, kicked.ends[0].reason], [0x2, 'unauthorized']);
  assert.equal(stopped.ends.length, 0);
  await server.close(0);
  await until('it is told', () => stopped.ends.length === 1);
  assert.deepEqual([stopped.ends[0].code, stopped.ends[0].reason], [0, 'server closing down']);
});

test('a client that leaves serves no more', async (t) => {
  const { register, ask } = await startReverst(t);
  const leaving = await register(pong);
  await register(pong);
  leaving.streams.close(0, '');
  await until('the other one serves all', async () => {
    const replies = await Promise.all([ask(), ask(), ask(), ask()]);
    return replies.every(({ text }) => text === 'PONG');
  });
});

test('a client that gives up after little silence stays, as long as nobody asks it', async (t) => {
  const { register, ask } = await startReverst(t);
  // The time between signs of life is 6 s: without them it would be gone by then.
  const client = await register(pong, 10_000);
  const began = performance.now();
  await until('longer than its patience', () => performance.now() - began > 12_000, 30_000);
  assert.equal(client.ends.length, 0);
  assert.equal((await ask()).text, 'PONG');
});
