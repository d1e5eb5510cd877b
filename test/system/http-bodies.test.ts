import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { ask, exchange, open } from '../support/http-client.ts';
import { startOrigin, type Origin } from '../support/http-origin.ts';
import { digestOf, noiseBytes, noiseDigest, noiseStream } from '../support/noise.ts';
import { startTunnel } from '../support/tunnel.ts';
import { until, within } from '../support/wait.ts';
import type { TestContext } from 'node:test';

const MB = 1024 * 1024;
const host = 'web.localhost';

async function startWeb(t: TestContext): Promise<{ origin: Origin; port: number }> {
  const origin = await startOrigin(t);
  const { server } = await startTunnel(t, ['http', origin.address, '--name', 'web']);
  return { origin, port: server.port };
}

test('bodies of 64 MB arrive byte for byte, both ways, with a length and chunked', async (t) => {
  const { port } = await startWeb(t);
  const bytes = 64 * MB;
  const digest = noiseDigest(bytes);
  for (const path of [`/noise/${bytes}`, `/chunks/${bytes}`]) {
    const down = await digestOf(await open({ port, host, path }));
    assert.deepEqual(down, { bytes, digest }, path);
  }
  for (const headers of [{ 'content-length': bytes }, { 'transfer-encoding': 'chunked' }]) {
    const body = noiseStream(bytes);
    const up = await ask({ port, host, path: '/digest', method: 'POST', headers, body });
    assert.equal(up.text, digest, JSON.stringify(headers));
  }
});

test('the first event of a stream arrives at once', async (t) => {
  const { port } = await startWeb(t);
  const began = performance.now();
  const response = await open({ port, host, path: '/events' });
  const [first] = (await within(2_000, once(response, 'data'), 'the first event')) as [Buffer];
  assert.equal(first.toString(), 'data: first\n\n');
  assert.ok(performance.now() - began < 2_000, 'long before the second');
  response.destroy();
});

test('a WebSocket carries text and large messages both ways and closes with its code', async (t) => {
  const { port } = await startWeb(t);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`, { headers: { host } });
  await within(5_000, once(socket, 'open'));
  socket.send('hello');
  const [text] = (await within(5_000, once(socket, 'message'))) as [Buffer];
  assert.equal(text.toString(), 'hello');
  const large = noiseBytes(3 * MB);
  socket.send(large);
  const [echo] = (await within(5_000, once(socket, 'message'))) as [Buffer];
  assert.ok(large.equals(echo));
  socket.close(4321, 'done');
  const [code] = (await within(5_000, once(socket, 'close'))) as [number];
  assert.equal(code, 4321);
});

test('100-continue is the target’s own word', async (t) => {
  const { port } = await startWeb(t);
  const request = http.request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/digest',
    agent: false,
  });
  request.setHeader('host', host);
  request.setHeader('expect', '100-continue');
  request.setHeader('content-length', 5);
  request.flushHeaders();
  await within(5_000, once(request, 'continue'), '100 Continue');
  request.end('12345');
  const [response] = (await within(5_000, once(request, 'response'))) as [http.IncomingMessage];
  assert.equal(response.statusCode, 200);
  response.resume();
  await once(response, 'end');
});

test('trailers pass in both directions', async (t) => {
  const { port } = await startWeb(t);
  const request = http.request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/trailers',
    agent: false,
  });
  request.setHeader('host', host);
  request.setHeader('trailer', 'x-sum');
  request.write('body');
  request.addTrailers({ 'x-sum': 'forty-two' });
  request.end();
  const [response] = (await within(5_000, once(request, 'response'))) as [http.IncomingMessage];
  const { bytes } = await digestOf(response);
  assert.equal(bytes, 4);
  assert.equal(response.trailers['x-sent'], 'forty-two');
  assert.match(response.trailers['x-digest'] ?? '', /^[0-9a-f]{64}$/);
});

test('an answer that comes before the body has been sent reaches the client', async (t) => {
  const { port } = await startWeb(t);
  const socket = net.connect({ port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  socket.write(`POST /refuse HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${1024 * MB}\r\n\r\n`);
  socket.write(noiseBytes(MB));
  const [answer] = (await within(5_000, once(socket, 'data'), 'the early answer')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 413 /);
});

test('HEAD, 204 and 304 have no body and leave the connection in step', async (t) => {
  const { port } = await startWeb(t);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const head = await ask({ port, host, agent, method: 'HEAD', path: '/noise/1000' });
  assert.equal(head.headers['content-length'], '1000');
  assert.equal(head.body.length, 0);
  assert.equal((await ask({ port, host, agent, path: '/status/204' })).status, 204);
  assert.equal((await ask({ port, host, agent, path: '/status/304' })).status, 304);
  assert.equal((await ask({ port, host, agent, path: '/whoami' })).text, 'origin');
});

test('pipelined requests are answered in their order', async (t) => {
  const { port } = await startWeb(t);
  const get = (path: string, close = false): string =>
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${close ? 'Connection: close\r\n' : ''}\r\n`;
  const all = get('/slow/50') + get('/whoami') + get('/noise/10') + get('/slow/1', true);
  const answers = await exchange(port, all);
  assert.deepEqual(answers.match(/late|origin(?=HTTP)/g), ['late', 'origin', 'late']);
});

test('a client that half-closes after its request still gets the answer', async (t) => {
  const { port } = await startWeb(t);
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(`GET /slow/300 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  let answer = '';
  for await (const piece of socket) {
    answer += String(piece);
    if (answer.endsWith('late')) break;
  }
  assert.match(answer, /^HTTP\/1\.1 200 /);
});

test('a client that goes frees the origin’s connection within 5 s', async (t) => {
  const { origin, port } = await startWeb(t);
  const response = await open({ port, host, path: '/events' });
  await once(response, 'data');
  assert.equal(origin.open.size, 1);
  response.destroy();
  const ms = await until('the origin’s connection is free', () => origin.open.size === 0, 5_000);
  assert.ok(ms < 5_000);
});
