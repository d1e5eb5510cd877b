import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrived, get, HOST, ok, relay } from '../../../test/support/http-ingress.ts';

test('T22: a connection without a request is closed in silence', async (t) => {
  const { client } = await relay(t, { headTimeoutMs: 20 });
  assert.equal(await client.untilEnd(), '');
});

test('T22: a head that does not end in time is 408', async (t) => {
  const played = await relay(t, { headTimeoutMs: 30 });
  played.client.send('GET / HTTP/1.1\r\nHost:');
  const drip = setInterval(() => played.client.send('a'), 5);
  t.after(() => clearInterval(drip));
  assert.match(await played.client.untilEnd(), /^HTTP\/1.1 408 Request Timeout\r\n/);
  assert.equal(played.lines[0].outcome, 'REQUEST_TIMEOUT');
});

test('T22: the time of a first head runs from the connection on, not from its first byte', async (t) => {
  const played = await relay(t, { headTimeoutMs: 1_500 });
  const start = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 1_400));
  played.client.send('G');
  assert.match(await played.client.untilEnd(), /^HTTP\/1.1 408 /);
  const ms = performance.now() - start;
  assert.ok(ms < 2_800, `it took ${ms} ms`);
});

test('T22: so is the head of a second request, from its first byte on', async (t) => {
  const played = await relay(t, { headTimeoutMs: 30, idleTimeoutMs: 100_000 });
  played.client.send(get());
  (await arrived(played, 1)).answer(ok('x'));
  await played.client.until((text) => text.endsWith('x'));
  played.client.send('GET');
  assert.match(await played.client.untilEnd(), /xHTTP\/1.1 408 /);
});

test('a kept connection without a request is closed in silence', async (t) => {
  const played = await relay(t, { idleTimeoutMs: 20 });
  played.client.send(get());
  const stream = (await arrived(played, 1)).answer(ok('x'));
  assert.ok((await played.client.untilEnd()).endsWith('x'));
  assert.equal(stream.wasReset, true);
});

test('T22: a body that stops coming is 408, and its stream goes', async (t) => {
  const played = await relay(t, { bodyIdleTimeoutMs: 20 });
  played.client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nhalf`);
  assert.match(await played.client.untilEnd(), /^HTTP\/1.1 408 /);
  assert.equal(played.streams[0].wasReset, true);
});

test('a body that the target does not take is not the fault of the client', async (t) => {
  const played = await relay(t, { bodyIdleTimeoutMs: 20, responseTimeoutMs: 120 });
  played.client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 10000000\r\n\r\n`);
  const stream = await arrived(played, 1);
  stream.writable = false;
  played.client.send(Buffer.alloc(100_000));
  assert.match(await played.client.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1.1 504 /);
  assert.equal(played.lines[0].outcome, 'RESPONSE_TIMEOUT');
});

test('P4: a response that does not come in time is 504, and its stream goes', async (t) => {
  const played = await relay(t, { responseTimeoutMs: 20 });
  played.client.send(get());
  const stream = await arrived(played, 1);
  stream.answer('HTTP/1.1 100 Continue\r\n\r\n');
  const text = await played.client.until((all) => all.includes('RESPONSE_TIMEOUT'));
  assert.match(text, /HTTP\/1.1 504 Gateway Timeout\r\n/);
  assert.equal(stream.wasReset, true);
});

test('a response that has begun may take its time', async (t) => {
  const played = await relay(t, { responseTimeoutMs: 20, idleTimeoutMs: 20, headTimeoutMs: 20 });
  played.client.send(get());
  const stream = (await arrived(played, 1)).answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na');
  await played.client.until((text) => text.endsWith('a'));
  await new Promise((resolve) => setTimeout(resolve, 60));
  stream.answer('b');
  await played.client.until((text) => text.endsWith('ab'));
});

test('a client that does not close after its last response is cut off', async (t) => {
  const played = await relay(t, { lingerMs: 20 });
  played.client.send(get('/', 'Connection: close\r\n'));
  (await arrived(played, 1)).answer(ok('x'));
  await played.client.untilEnd();
  assert.equal(played.ingress.connections, 1);
  await played.client.sendUntilClosed('still here');
});

test('T17: a client that ended and is gone frees its stream; one that reads on keeps it', async (t) => {
  const played = await relay(t, { halfClosedMs: 40 });
  const gone = await played.connect();
  gone.send(get());
  const silent = (await arrived(played, 1)).answer('HTTP/1.1 200 OK\r\n\r\nevent');
  await gone.until((text) => text.endsWith('event'));
  gone.socket.destroy();
  await played.until(() => silent.wasReset);
  assert.equal(played.lines[0].outcome, 'closed');

  played.client.send(get());
  played.client.socket.end();
  const flowing = (await arrived(played, 1, 1)).answer('HTTP/1.1 200 OK\r\n\r\n');
  for (let n = 0; n < 12; n++) {
    await new Promise((resolve) => setTimeout(resolve, 15));
    flowing.answer(`${n} `);
  }
  flowing.finish();
  assert.ok((await played.client.untilEnd()).endsWith('0 1 2 3 4 5 6 7 8 9 10 11 '));
});
