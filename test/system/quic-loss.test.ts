/** QUIC over a way that loses datagrams. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connectQuic, nobody } from '../support/quic-sessions.ts';
import { until } from '../support/wait.ts';

const patience = { timeout: 90_000 };
/** Enough for the window to come down to a few datagrams while some are lost. */
const BULK_BYTES = 100_000;
/** Small datagrams, of which the first ones are lost as well. */
const LOSING_MS = 1_000;
const CHATTER_MS = 4_000;

test('losses of the past do not make a later one take long to mend', patience, async (t) => {
  const { client, server, relay } = await connectQuic(t);
  const room = Buffer.alloc(65_536);
  let received = 0;
  server.user = {
    ...nobody,
    readable(id) {
      for (;;) {
        const got = server.receive(id, room);
        if (got === null || typeof got === 'number' || got[0] === 0) return;
        received += got[0];
      }
    },
  };
  const id = client.openBidi();
  let left = BULK_BYTES;
  const bulk = Buffer.alloc(BULK_BYTES);
  client.user = {
    ...nobody,
    turned() {
      if (left > 0) left -= Math.max(0, client.send(id, bulk.subarray(0, left)));
    },
  };
  relay.lose((datagram) => datagram % 3 === 0);
  client.wake();
  await until('the bulk has come', () => received === BULK_BYTES, 60_000);
  const chattering = performance.now();
  let said = BULK_BYTES;
  while (performance.now() - chattering < CHATTER_MS) {
    if (performance.now() - chattering > LOSING_MS) relay.lose(() => false);
    said += client.send(id, Buffer.from('x'));
    await pause(2);
  }
  await until('all of it has come', () => received === said);
  let next = true;
  relay.lose(() => next && !(next = false));
  client.send(id, Buffer.from('x'));
  const took = await until('the lost byte has come', () => received === said + 1, 30_000);
  t.diagnostic(`mended after ${took.toFixed(0)} ms`);
  assert.ok(took < CHATTER_MS / 2, `${took} ms`);
});
