import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attachRaw, ends } from '../../test/support/session-host.ts';
import { SallyportError } from '../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../limits.ts';

test('slow handshake: a client that never says hello is cut off in time, and one that did stays', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const silent = await attachRaw(t);
  const dripping = await attachRaw(t);
  const polite = await attachRaw(t);
  dripping.client.open().send(Buffer.from('000000', 'hex'));
  polite.client.hello();
  await polite.client.hears(0);
  t.mock.timers.tick(HANDSHAKE_TIMEOUT_MS - 1);
  assert.deepEqual([silent.host.told, dripping.host.told], [[], []]);
  t.mock.timers.tick(1);
  for (const { client, host } of [silent, dripping]) {
    assert.match(await ends(client, host, 'HANDSHAKE_TIMEOUT'), /hello: none within/);
  }
  assert.equal(polite.client.endings.length, 0);
});

describe('flood', () => {
  const register = { type: 'register', ref: 1, service: { name: 'x', kind: 'tcp' } };
  const refuse = () => Promise.reject(new SallyportError('NAME_TAKEN', 'y'.repeat(400)));
  const FLOOD = 4_000;

  test('a client that registers without end and reads no answer is cut off', async (t) => {
    const { client, host } = await attachRaw(t);
    host.answer = refuse;
    client.open(false);
    client.hello();
    for (let n = 0; n < FLOOD; n++) client.say(register);
    assert.match(await ends(client, host, 'PROTOCOL_MESSAGE'), /does not read its answers/);
    assert.ok(host.offers.length < FLOOD, `${host.offers.length} were still answered`);
  });

  test('one that reads them may go on for ever', async (t) => {
    const { client, host } = await attachRaw(t);
    host.answer = refuse;
    client.hello();
    for (let n = 0; n < FLOOD; n++) {
      client.say(register);
      if (n % 500 === 0) await client.hears(n);
    }
    await client.hears(FLOOD);
    assert.equal(client.endings.length, 0);
  });
});
