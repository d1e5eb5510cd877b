import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrived, get, HOST, ok, relay } from '../../../test/support/http-ingress.ts';

test('a request and its response', async (t) => {
  const played = await relay(t);
  const { client, lines } = played;
  client.send(get('/x?y', 'A: b\r\n'));
  const stream = await arrived(played, 1);
  assert.equal(stream.request.service, 'a');
  assert.equal(stream.request.kind, 'http');
  assert.match(stream.request.consumer, /^127\.0\.0\.1:\d+$/);
  assert.equal(
    stream.received,
    [
      'GET /x?y HTTP/1.1',
      'Host: a.test',
      'A: b',
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Host: a.test',
      'Forwarded: for=127.0.0.1;host=a.test;proto=http',
      '',
      '',
    ].join('\r\n'),
  );
  const response = ok('hello', 'Connection: keep-alive\r\nX: y\r\n');
  stream.accept().answer(response);
  assert.equal(await client.until((text) => text.endsWith('hello')), ok('hello', 'X: y\r\n'));
  assert.equal(stream.credited, response.length);
  const { id, service, method, host, path, status, bytesUp, bytesDown, outcome } = lines[0];
  assert.deepEqual(
    { id, service, method, host, path, status, bytesUp, bytesDown, outcome },
    {
      id: 'id1',
      service: 'a',
      method: 'GET',
      host: 'a.test',
      path: '/x?y',
      status: 200,
      bytesUp: 0,
      bytesDown: 5,
      outcome: 'ok',
    },
  );
});

test('one stream carries one request after another', async (t) => {
  const played = await relay(t);
  for (let n = 1; n <= 3; n++) {
    played.client.send(get(`/${n}`));
    (await arrived(played, n)).accept().answer(ok(`answer${n}`));
    await played.client.until((text) => text.endsWith(`answer${n}`));
  }
  assert.equal(played.streams.length, 1);
  assert.equal(played.lines.length, 3);
});

test('another service gets another stream, and the first one goes', async (t) => {
  const played = await relay(t);
  played.client.send(get());
  (await arrived(played, 1)).answer(ok('1'));
  played.client.send('GET / HTTP/1.1\r\nHost: b.test\r\n\r\n');
  (await arrived(played, 1, 1)).answer(ok('2'));
  await played.client.until((text) => text.endsWith('2'));
  assert.equal(played.streams[0].wasReset, true);
  assert.equal(played.streams[1].request.service, 'b');
});

test('pipelined requests wait in order', async (t) => {
  const played = await relay(t);
  const body = 'POST /2 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody';
  played.client.send(get('/1') + body + get('/3'));
  const stream = await arrived(played, 1);
  assert.ok(!stream.received.includes('/2'));
  stream.answer(ok('one'));
  await played.until(() => stream.received.endsWith('body'));
  assert.ok(!stream.received.includes('/3'));
  stream.answer(ok('two'));
  await arrived(played, 3);
  stream.answer(ok('three'));
  assert.equal(
    await played.client.until((text) => text.endsWith('three')),
    ok('one') + ok('two') + ok('three'),
  );
  assert.equal(played.lines[1].bytesUp, 4);
});

test('a head in drips', async (t) => {
  const played = await relay(t);
  for (const byte of get('/slow')) {
    played.client.send(byte);
    await new Promise(setImmediate);
  }
  const stream = await arrived(played, 1);
  assert.ok(stream.received.startsWith('GET /slow HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For'));
  for (const byte of ok('slow too')) stream.answer(byte, true);
  assert.equal(await played.client.until((text) => text.endsWith('too')), ok('slow too'));
});

test('a body passes with its framing, and the next request behind it', async (t) => {
  const played = await relay(t);
  const chunks = '5;x=y\r\nhello\r\n0\r\nDigest: z\r\n\r\n';
  played.client.send(
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${chunks}${get('/next')}`,
  );
  await played.until(() => played.streams[0]?.received.endsWith(`\r\n\r\n${chunks}`) ?? false);
  played.streams[0].answer(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`);
  const stream = await arrived(played, 3);
  assert.ok(stream.received.includes('GET /next'));
  stream.answer('HTTP/1.1 204 No Content\r\n\r\n');
  const text = await played.client.until((all) => all.endsWith('204 No Content\r\n\r\n'));
  assert.equal(
    text,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}HTTP/1.1 204 No Content\r\n\r\n`,
  );
});

test('large bodies pass whole, in pooled and in shared slabs', async (t) => {
  const played = await relay(t);
  const big = Buffer.alloc(3_000_000, 'abcdefghij');
  for (const shared of [false, true]) {
    const before = played.client.text.length;
    played.client.send(`PUT / HTTP/1.1\r\n${HOST}Content-Length: ${big.length}\r\n\r\n`).send(big);
    await played.until(() => (played.streams.at(-1)?.bytesTaken ?? 0) >= big.length);
    const stream = played.streams.at(-1)!;
    stream.bytesTaken = 0;
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n`;
    stream.credited = 0;
    stream.answer(Buffer.concat([Buffer.from(head), big]), shared);
    const text = await played.client.until(
      (all) => all.length >= before + head.length + big.length,
    );
    assert.equal(text.slice(before), head + big.toString('latin1'));
    await played.until(() => stream.credited === head.length + big.length);
  }
});

test('a full stream pauses the client, and goes on when drained', async (t) => {
  const played = await relay(t);
  const size = 4_000_000;
  played.client.send(`PUT / HTTP/1.1\r\n${HOST}Content-Length: ${size}\r\n\r\n`);
  const stream = await arrived(played, 1);
  stream.writable = false;
  played.client.send(Buffer.alloc(size));
  await played.until(() => stream.bytesTaken > 1000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(stream.bytesTaken < size / 4, `${stream.bytesTaken} bytes were read`);
  stream.writable = true;
  stream.receiver.drained();
  await played.until(() => stream.bytesTaken > size);
});

test('a client that does not read gets no credit spent on it', async (t) => {
  const played = await relay(t);
  played.client.send(get());
  const stream = await arrived(played, 1);
  played.client.socket.pause();
  stream.answer('HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n');
  for (let n = 0; n < 200; n++) stream.answer(Buffer.alloc(100_000));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(stream.credited < 15_000_000, `${stream.credited} bytes were credited`);
  played.client.socket.resume();
  await played.until(() => stream.credited > 20_000_000);
});
