import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { connectDuplex } from './connect.ts';
import { createConsumer } from './consumer.ts';

test('a consumer that is not attached refuses, and the duplex is closed', async (t) => {
  const consumer = createConsumer({
    server: new URL('ws://127.0.0.1:1'),
    token: 'never-sent',
    program: 'test',
    heartbeatMs: 5_000,
  });
  t.after(() => consumer.close());
  const [ours, theirs] = duplexPair();
  ours.resume();
  const closed = once(theirs, 'close');
  await assert.rejects(connectDuplex(consumer, { service: 'box' }, theirs), {
    code: 'SERVER_UNREACHABLE',
    message: /box/,
  });
  await closed;
});
