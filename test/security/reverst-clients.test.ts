/** Clients of reverst that mean no good: nobody else feels them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUIC_PROTOCOL } from '../../src/attach/quic-greeting.ts';
import {
  AUTHORIZATION,
  packRequest,
  REVERST_PROTOCOL,
} from '../../src/compat/reverst/registration.ts';
import { REVERST_REGISTRATION_MAX_BYTES } from '../../src/limits.ts';
import { loadQuic } from '../../src/transport/quic/binding.ts';
import { openQuicEndpoint } from '../../src/transport/quic/endpoint.ts';
import { clientConfig } from '../../src/transport/quic/settings.ts';
import type { QuicEnd } from '../../src/transport/quic/user.ts';
import { GROUP, SECRET, pong, startReverst } from '../support/reverst-tunnels.ts';
import { until, within } from '../support/wait.ts';

const nobody = { data() {}, finished() {}, reset() {}, stopped() {}, drained() {} };

test('clients that connect and stay silent hold up nobody, and are let go in time', async (t) => {
  const { dial, register, ask } = await startReverst(t);
  const silent = await Promise.all(Array.from({ length: 10 }, () => dial()));
  const half = await dial();
  half.say(Buffer.from('83a7', 'hex'));
  await within(5_000, register(pong), 'a registration beside silent ones');
  assert.equal((await ask()).text, 'PONG');
  await until('they are let go', () => silent.every(({ ends }) => ends.length === 1), 20_000);
  await until('the half one too', () => half.ends.length === 1);
  for (const { ends } of [...silent, half]) assert.equal(ends[0].code, 0x1);
  assert.equal((await ask()).text, 'PONG');
});

test('a registration without an end is cut off at its bound', async (t) => {
  const { dial, register, ask } = await startReverst(t);
  const client = await dial();
  // One string that says it has 4 GB.
  const head = Buffer.from('81dbffffffff', 'hex');
  client.say(Buffer.concat([head, Buffer.alloc(2 * REVERST_REGISTRATION_MAX_BYTES)]));
  await until('it is closed', () => client.ends.length === 1);
  assert.match(client.ends[0].reason, /more than/);
  await register(pong);
  assert.equal((await ask()).text, 'PONG');
});

test('clients that allow no stream of signals are sent away, by whichever protocol', async (t) => {
  const { server, ca, register, ask } = await startReverst(t);
  await register(pong);
  const endpoint = await openQuicEndpoint({ listen: { host: '127.0.0.1', port: 0 } });
  t.after(() => endpoint.close());
  for (const protocol of [QUIC_PROTOCOL, REVERST_PROTOCOL]) {
    const config = clientConfig(loadQuic(), { protocols: [protocol], ca });
    config.setInitialMaxStreamsUni(0);
    const ended = Promise.withResolvers<QuicEnd>();
    const connection = endpoint.connect(config, server.quicAddress!, 'localhost', () => {
      if (protocol === QUIC_PROTOCOL) return;
      const registration = packRequest(GROUP, new Map([[AUTHORIZATION, SECRET]]));
      connection.send(connection.openBidi(), registration);
    });
    connection.user = { readable() {}, turned() {}, closed: (end) => ended.resolve(end) };
    const { remote, application } = await within(10_000, ended.promise);
    assert.deepEqual([remote, application], [true, true]);
  }
  assert.equal((await ask()).text, 'PONG');
});

test('a client that breaks HTTP/3 loses its tunnel only', async (t) => {
  const { register, ask } = await startReverst(t);
  const bad = await register(pong);
  await register(pong);
  // A second control stream.
  bad.streams.openUni(nobody).write(Buffer.from('000400', 'hex'));
  await until('it is closed', () => bad.ends.length === 1);
  assert.equal(bad.ends[0].code, 0x103);
  for (let i = 0; i < 4; i++) assert.equal((await ask()).text, 'PONG');
});
