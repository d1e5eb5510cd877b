import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { requestCorpus } from '../../../test/support/request-corpus.ts';
import { arrived, get, HOST, ok, playIngress, relay } from '../../../test/support/http-ingress.ts';

const statuses: Record<string, number> = {
  REQUEST_INVALID: 400,
  REQUEST_TOO_LONG: 431,
  REQUEST_UNSUPPORTED: 501,
};

test('T19: nothing of a refused head reaches a target, and nothing of what follows it', async (t) => {
  const played = await playIngress(t);
  played.routes.add({ host: 'a.test' }, { service: 'a' });
  let refused = 0;
  for (const [group, cases] of requestCorpus) {
    for (const [name, input, expected] of cases) {
      const status = statuses[expected ?? ''];
      if (status === undefined) continue;
      refused++;
      const client = await played.connect();
      client.send(input + get('/smuggled'));
      const text = await client.untilEnd();
      assert.ok(text.startsWith(`HTTP/1.1 ${status} `), `${group}, ${name}: ${text.slice(0, 40)}`);
      assert.equal(text.match(/HTTP\/1\.1 \d/g)?.length, 1, `${group}, ${name}`);
      client.socket.destroy();
    }
  }
  assert.ok(refused > 90);
  assert.equal(played.streams.length, 0);
  assert.ok(played.lines.every((line) => line.outcome.startsWith('REQUEST_')));
});

test('T19: a broken chunk ends the request before it can be taken for whole', async (t) => {
  for (const broken of [
    '5\nhello',
    '-1\r\n',
    '5 \r\nhello',
    '0\r\nHost: b.test\r\n\r\n',
    '5\r\nhello0\r\n',
  ]) {
    const played = await relay(t);
    played.client.send(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    await played.until(() => played.streams[0]?.received.endsWith('abc\r\n') ?? false);
    played.client.send(broken + get('/smuggled'));
    assert.match(await played.client.untilEnd(), /^HTTP\/1.1 400 /);
    const [stream] = played.streams;
    assert.equal(stream.wasReset, true);
    assert.ok(stream.received.endsWith('\r\n\r\n3\r\nabc\r\n'));
  }
});

test('the body of a request that was answered by us is not the next request', async (t) => {
  const played = await relay(t);
  const inner = get('/smuggled');
  played.client.send(
    `POST / HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  );
  const text = await played.client.untilEnd();
  assert.equal(text.match(/HTTP\/1\.1 \d/g)?.length, 1);
  assert.equal(played.streams.length, 0);
});

const truncated = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart';
const truncatedChunks = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n';

for (const [name, response] of [
  ['length', truncated],
  ['chunks', truncatedChunks],
]) {
  for (const end of ['finish', 'break'] as const) {
    test(`T21: a body of a ${name} that stops short (${end}) never looks whole`, async (t) => {
      const played = await relay(t);
      played.client.send(get());
      const stream = (await arrived(played, 1)).accept().answer(response);
      await played.client.until((text) => text.endsWith(response.slice(-6)));
      if (end === 'finish') stream.finish();
      else stream.break('LINK_LOST');
      await played.client.untilClosed();
      assert.equal((played.client.error as NodeJS.ErrnoException).code, 'ECONNRESET');
      assert.equal(played.client.text, response);
      assert.equal(played.lines[0].outcome, end === 'finish' ? 'TARGET_CLOSED' : 'LINK_LOST');
    });
  }
}

test('T21: a body until close that is broken off never looks whole', async (t) => {
  const played = await relay(t);
  played.client.send(get());
  const stream = (await arrived(played, 1)).accept().answer('HTTP/1.1 200 OK\r\n\r\npart');
  await played.client.until((text) => text.endsWith('part'));
  stream.break('STREAM_RESET');
  await played.client.untilClosed();
  assert.equal((played.client.error as NodeJS.ErrnoException).code, 'ECONNRESET');
});

test('T21: a second response behind the first is thrown away with its stream', async (t) => {
  const played = await relay(t);
  played.client.send(get('/1'));
  const stream = await arrived(played, 1);
  stream.answer(ok('one') + ok('injected'));
  await played.client.until((text) => text.endsWith('one'));
  assert.equal(stream.wasReset, true);
  played.client.send(get('/2'));
  (await arrived(played, 1, 1)).answer(ok('two'));
  assert.equal(await played.client.until((text) => text.endsWith('two')), ok('one') + ok('two'));
});

test('T21: a response before its request ends the stream', async (t) => {
  const played = await relay(t);
  played.client.send(get('/1'));
  const stream = (await arrived(played, 1)).answer(ok('one'));
  await played.client.until((text) => text.endsWith('one'));
  stream.answer(ok('injected'));
  assert.equal(stream.wasReset, true);
  played.client.send(get('/2'));
  (await arrived(played, 1, 1)).answer(ok('two'));
  assert.equal(await played.client.until((text) => text.endsWith('two')), ok('one') + ok('two'));
});

test('T21: bytes behind a body of chunks, or behind a response without a body', async (t) => {
  for (const response of [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
  ]) {
    const played = await relay(t);
    played.client.send(get('/1'));
    const stream = (await arrived(played, 1)).answer(`${response}${ok('injected')}`);
    assert.equal(await played.client.until((text) => text.length >= response.length), response);
    assert.equal(stream.wasReset, true);
  }
});

for (const [name, response] of [
  [
    'a switch nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
  ],
  ['endless interim responses', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)],
  [
    'length and chunked',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  ['a control in a field', 'HTTP/1.1 200 OK\r\nA: \x1b\r\n\r\n'],
  ['not HTTP', 'SSH-2.0-x\r\n'],
  ['a head that never ends', `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(40_000)}`],
] as const) {
  test(`T21: ${name} is a bad gateway, and the stream goes`, async (t) => {
    const played = await relay(t);
    played.client.send(get());
    const stream = (await arrived(played, 1)).answer(response);
    const text = await played.client.until((all) => all.includes('502 Bad Gateway'));
    assert.ok(text.includes('\r\nSallyport-Error: RESPONSE_INVALID\r\n'));
    assert.equal(stream.wasReset, true);
    assert.equal(played.lines[0].outcome, 'RESPONSE_INVALID');
  });
}

test('T21: chunks in answer to HTTP/1.0 are a bad gateway', async (t) => {
  const played = await relay(t);
  played.client.send(`GET / HTTP/1.0\r\n${HOST}\r\n`);
  (await arrived(played, 1)).answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  assert.match(await played.client.untilEnd(), /^HTTP\/1.1 502 /);
});

test('T21: broken chunks in a response break the client off', async (t) => {
  const played = await relay(t);
  played.client.send(get());
  const stream = await arrived(played, 1);
  stream.answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  stream.answer('zz\r\n');
  await played.client.untilClosed();
  assert.ok(!played.client.text.includes('zz'));
  assert.equal(stream.wasReset, true);
  assert.equal(played.lines[0].outcome, 'RESPONSE_INVALID');
});

test(
  'T20: whatever a target answers, the next client gets its own response',
  { timeout: 50_000 },
  async (t) => {
    const seeds = [
      ok('hello', 'A: b\r\nConnection: keep-alive\r\n'),
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: x\r\n\r\n',
      'HTTP/1.0 200 OK\r\n\r\nhello',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    ];
    const spice = [
      '\r\n',
      '\n',
      '\r',
      ' ',
      ':',
      '\0',
      '\x80',
      '0',
      'f',
      ';',
      '-',
      'HTTP/1.1 200 OK\r\n\r\n',
      'Content-Length: 9\r\n',
    ];
    const played = await relay(t);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...spice)), {
          minLength: 1,
          maxLength: 3,
        }),
        async (seed, mutations) => {
          let response = seed;
          for (const [place, cut, insert] of mutations) {
            const at = place % response.length;
            response = response.slice(0, at) + insert + response.slice(at + cut);
          }
          const count = played.streams.length;
          const logged = played.lines.length;
          const client = await played.connect();
          client.send(get());
          (await arrived(played, 1, count)).accept().answer(response);
          if (!played.streams[count].wasReset) played.streams[count].finish();
          // GET may be sent once more where nothing of a response had come.
          if (played.streams.length > count + 1) played.streams[count + 1].break('LINK_LOST');
          await played.until(() => played.lines.length > logged);
          client.socket.destroy();
          const next = played.streams.length;
          const victim = await played.connect();
          victim.send(get('/victim', 'Connection: close\r\n'));
          (await arrived(played, 1, next)).accept().answer(ok('mine'));
          assert.equal(await victim.untilEnd(), ok('mine', 'Connection: close\r\n'));
          victim.socket.destroy();
        },
      ),
      { numRuns: 1_000 },
    );
  },
);

test('P7: what waits for a client that does not read is not overwritten by the next response', async (t) => {
  const played = await relay(t);
  const { client } = played;
  client.socket.pause();
  client.send(get('/1') + get('/2'));
  const stream = (await arrived(played, 1)).accept();
  stream.answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
  const before = stream.credited;
  let sent = 0;
  for (; stream.credited - before === sent; sent += chunk.length) stream.answer(chunk);
  stream.answer('0\r\n\r\n');
  await arrived(played, 2);
  stream.answer(ok('of the first client'));
  const other = await played.connect();
  other.send(get('/3'));
  (await arrived(played, 1, 1)).accept().answer(ok('of another client'));
  await other.until((text) => text.endsWith('of another client'));
  client.socket.resume();
  const text = await client.until((all) => all.endsWith(' client'));
  assert.ok(text.endsWith(`0\r\n\r\n${ok('of the first client')}`));
});

test('a client that does not read its answers is not read from for ever', async (t) => {
  const played = await relay(t);
  const { client } = played;
  const requests = 60_000;
  client.socket.pause();
  client.send('GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n'.repeat(requests));
  let answered = -1;
  while (answered !== played.lines.length) {
    answered = played.lines.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(answered < requests / 2, `${answered} were answered into nowhere`);
  client.socket.resume();
  await played.until(() => played.lines.length === requests);
});
