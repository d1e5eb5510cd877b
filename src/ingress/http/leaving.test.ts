/** Kept streams of an upstream that serves no more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrived, get, ok, relay } from '../../../test/support/http-ingress.ts';

test('one that rests is let go of, and the next request goes out on another', async (t) => {
  const played = await relay(t);
  const { client } = played;
  client.send(get());
  const first = (await arrived(played, 1)).accept().answer(ok('one'));
  await client.until((text) => text.endsWith('one'));
  assert.ok(!first.wasReset);
  first.receiver.leaving!();
  assert.ok(first.wasReset);
  client.send(get());
  (await arrived(played, 1, 1)).accept().answer(ok('two'));
  await client.until((text) => text.endsWith('two'));
  assert.equal(played.streams.length, 2);
});

test('one with a request on it goes on, and so does the other half of one that was answered early', async (t) => {
  const played = await relay(t);
  const { client, lines } = played;
  client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nab`);
  const stream = await arrived(played, 1);
  stream.receiver.leaving!();
  stream.accept().answer(ok('early'));
  await client.until((text) => text.endsWith('early'));
  stream.receiver.leaving!();
  assert.ok(!stream.wasReset);
  client.send('cd');
  await played.until(() => lines.length === 1);
  assert.ok(stream.received.endsWith('abcd'));
  assert.equal(lines[0].outcome, 'ok');
});
