import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrived, get, HOST, ok, relay } from '../../../test/support/http-ingress.ts';

test('HEAD, 204 and 304 have no body, whatever they announce', async (t) => {
  const played = await relay(t);
  const { client } = played;
  client.send(`HEAD / HTTP/1.1\r\n${HOST}\r\n`);
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n';
  (await arrived(played, 1)).answer(head);
  await client.until((text) => text === head);
  client.send(get());
  const notModified = 'HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n';
  (await arrived(played, 2)).answer(notModified);
  await client.until((text) => text === head + notModified);
  client.send(get());
  (await arrived(played, 3)).answer(ok('x'));
  await client.until((text) => text.endsWith('x'));
  assert.equal(played.streams.length, 1);
});

test('a body until close ends with the stream and closes the client', async (t) => {
  const played = await relay(t);
  played.client.send(get());
  const stream = await arrived(played, 1);
  stream.answer('HTTP/1.0 200 OK\r\n\r\npart');
  stream.answer('-two');
  stream.finish();
  assert.equal(
    await played.client.untilEnd(),
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart-two',
  );
  assert.equal(played.lines[0].outcome, 'ok');
});

test('events are flushed at once', async (t) => {
  const played = await relay(t);
  played.client.send(get());
  const stream = await arrived(played, 1);
  stream.answer('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
  for (let n = 1; n < 4; n++) {
    stream.answer(`data: ${n}\n\n`, true);
    await played.client.until((text) => text.endsWith(`data: ${n}\n\n`));
  }
});

test('interim responses pass to HTTP/1.1 and not to HTTP/1.0', async (t) => {
  const played = await relay(t);
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
  played.client.send(get('/', 'Expect: 100-continue\r\n'));
  (await arrived(played, 1)).answer(`HTTP/1.1 100 Continue\r\n\r\n${early}${early}${ok('x')}`);
  assert.equal(
    await played.client.until((text) => text.endsWith('x')),
    `HTTP/1.1 100 Continue\r\n\r\n${early}${early}${ok('x')}`,
  );
  const old = await played.connect();
  old.send(`GET / HTTP/1.0\r\n${HOST}\r\n`);
  (await arrived(played, 1, 1)).answer(early + ok('x'));
  assert.equal(await old.untilEnd(), ok('x', 'Connection: close\r\n'));
});

test('100-continue lets the body come', async (t) => {
  const played = await relay(t);
  played.client.send(`POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
  const stream = await arrived(played, 1);
  stream.answer('HTTP/1.1 100 Continue\r\n\r\n');
  await played.client.until((text) => text.includes('100 Continue'));
  played.client.send('body');
  await played.until(() => stream.received.endsWith('body'));
  stream.answer(ok('done'));
  await played.client.until((text) => text.endsWith('done'));
});

test('an early response does not cut the request short', async (t) => {
  const played = await relay(t);
  played.client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 8\r\n\r\nhalf`);
  const stream = await arrived(played, 1);
  stream.answer(ok('early'));
  await played.client.until((text) => text.endsWith('early'));
  played.client.send(`half${get('/next')}`);
  await played.until(() => stream.received.includes('halfhalfGET /next'));
  stream.answer(ok('next'));
  await played.client.until((text) => text.endsWith('next'));
  assert.equal(played.lines[0].bytesUp, 8);
});

test('an early response of a target that closes ends the connection, after the response', async (t) => {
  const played = await relay(t);
  played.client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 1000000\r\n\r\nhalf`);
  const stream = await arrived(played, 1);
  stream.answer('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!');
  played.client.send(Buffer.alloc(100_000));
  const text = await played.client.untilEnd();
  assert.ok(text.endsWith('Connection: close\r\n\r\nno!'));
  assert.equal(played.client.error, null);
});

test('a half-closed client still gets its responses', async (t) => {
  const played = await relay(t);
  played.client.send(get('/1') + get('/2'));
  played.client.socket.end();
  const stream = await arrived(played, 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  stream.answer(ok('one'));
  await arrived(played, 2);
  stream.answer(ok('two'));
  assert.equal(await played.client.untilEnd(), ok('one') + ok('two'));
  assert.deepEqual(
    played.lines.map((line) => line.outcome),
    ['ok', 'ok'],
  );
});

test('a client that leaves frees the stream at once', async (t) => {
  const played = await relay(t);
  played.client.send(get());
  const stream = await arrived(played, 1);
  played.client.socket.resetAndDestroy();
  await played.until(() => stream.wasReset && played.lines.length === 1);
  assert.equal(played.lines[0].outcome, 'closed');
  assert.equal(played.ingress.connections, 0);
});

test('an idle stream goes with its client', async (t) => {
  const played = await relay(t);
  played.client.send(get());
  const stream = await arrived(played, 1);
  stream.answer(ok('x'));
  await played.client.until((text) => text.endsWith('x'));
  assert.equal(stream.wasReset, false);
  played.client.socket.end();
  await played.until(() => stream.wasReset);
});

test('the client that asks to close is closed, and the target told', async (t) => {
  const played = await relay(t);
  played.client.send(get('/', 'Connection: close\r\n'));
  const stream = await arrived(played, 1);
  assert.match(stream.received, /\r\nConnection: close\r\n/);
  stream.answer(ok('x'));
  assert.equal(await played.client.untilEnd(), ok('x', 'Connection: close\r\n'));
  assert.equal(stream.wasReset, true);
});

test('HTTP/1.0 keeps the connection only when it asks to', async (t) => {
  const played = await relay(t);
  for (let n = 1; n < 3; n++) {
    played.client.send(`GET / HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\n`);
    (await arrived(played, n)).answer(ok(`${n}`));
    await played.client.until((text) => text.endsWith(`Connection: keep-alive\r\n\r\n${n}`));
  }
  played.client.send(`GET / HTTP/1.0\r\n${HOST}\r\n`);
  (await arrived(played, 3)).answer(ok('3'));
  assert.ok((await played.client.untilEnd()).endsWith('Connection: close\r\n\r\n3'));
});

test('an upgrade turns both ways into bytes, with half-close', async (t) => {
  const played = await relay(t);
  const { client } = played;
  client.send(`${get('/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')}ahead`);
  const stream = await arrived(played, 1);
  assert.match(stream.received, /\r\nUpgrade: websocket\r\nConnection: upgrade\r\n/);
  assert.ok(!stream.received.includes('ahead'), 'held back until the target has switched');
  stream.answer(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst',
  );
  await played.until(() => stream.received.endsWith('\r\n\r\nahead'));
  client.send('\0up');
  await played.until(() => stream.received.endsWith('ahead\0up'));
  const head =
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n';
  assert.equal(await client.until((text) => text.endsWith('first')), `${head}first`);
  client.socket.end();
  await played.until(() => stream.ended);
  stream.answer('last');
  stream.finish();
  assert.equal(await client.untilEnd(), `${head}firstlast`);
  await played.until(() => played.lines.length === 1);
  assert.equal(played.lines[0].status, 101);
  assert.equal(played.lines[0].outcome, 'ok');
  assert.equal(played.lines[0].bytesUp, 8);
  assert.equal(played.lines[0].bytesDown, 9);
});

test('an upgrade that the target declines is an ordinary response', async (t) => {
  const played = await relay(t);
  played.client.send(get('/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n') + get('/next'));
  (await arrived(played, 1)).answer(ok('no'));
  (await arrived(played, 2)).answer(ok('next'));
  assert.equal(await played.client.until((text) => text.endsWith('next')), ok('no') + ok('next'));
});

test('draining closes idle connections at once and busy ones after their response', async (t) => {
  const played = await relay(t);
  const idle = await played.connect();
  played.client.send(get());
  const stream = await arrived(played, 1);
  await played.until(() => played.ingress.connections === 2);
  played.ingress.drain();
  await idle.untilEnd();
  assert.equal(played.ingress.active, 1);
  stream.answer(ok('x'));
  assert.equal(await played.client.untilEnd(), ok('x', 'Connection: close\r\n'));
  assert.equal(played.ingress.active, 0);
});
