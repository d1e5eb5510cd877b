import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createHeldBytes } from './held-bytes.ts';
import { readRequestMessage } from './request-message.ts';
import { createTargetCalls } from './target-call.ts';

const MAX_BYTES = 1_000;

async function start(t: TestContext, serve: RequestListener) {
  const origin = createServer(serve).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const held = createHeldBytes(MAX_BYTES);
  const calls = createTargetCalls(false, held);
  t.after(() => {
    calls.close();
    origin.closeAllConnections();
    origin.close();
  });
  const target = new URL(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
  const request = readRequestMessage(Buffer.from('GET / HTTP/1.1\r\nHost: h\r\n\r\n'));
  const leaving = new AbortController();
  return { held, leaving, call: () => calls.call(1, request, target, leaving.signal) };
}

test('a target that announces more than can be kept is not waited for', async (t) => {
  const { held, call } = await start(t, (_, response) => {
    response.writeHead(200, { 'Content-Length': MAX_BYTES + 1 }).write('x');
  });
  await assert.rejects(call(), { code: 'SERVER_BUSY' });
  assert.equal(held.bytes, 0);
});

test('what is announced, and what comes without being so, is held until it is sent', async (t) => {
  const body = 'x'.repeat(600);
  for (const head of [{ 'Content-Length': body.length }, { 'Transfer-Encoding': 'chunked' }]) {
    const { held, call } = await start(t, (_, response) => {
      response.writeHead(200, head).end(body);
    });
    const { message, sent } = await call();
    assert.ok(message.toString('latin1').endsWith(body));
    assert.equal(held.bytes, body.length);
    await assert.rejects(call(), { code: 'SERVER_BUSY' });
    sent();
    assert.equal(held.bytes, 0);
  }
});

test('one that nobody waits for any more is broken off, and holds nothing', async (t) => {
  const { held, leaving, call } = await start(t, (_, response) => {
    response.writeHead(200, { 'Content-Length': 500 }).write('half');
    leaving.abort();
  });
  await assert.rejects(call());
  assert.equal(held.bytes, 0);
});
