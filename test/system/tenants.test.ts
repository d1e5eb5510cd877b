import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { ask, exchange, open } from '../support/http-client.ts';
import { startOrigin, type Origin } from '../support/http-origin.ts';
import { noiseBytes } from '../support/noise.ts';
import { startServer, startService, type Server } from '../support/tunnel.ts';
import type { TestContext } from 'node:test';

const rendezvous = 'rendezvous-0123456789';

async function startTwo(
  t: TestContext,
  flags: string[] = [],
): Promise<{ server: Server; red: Origin; blue: Origin }> {
  const server = await startServer(t, flags);
  const red = await startOrigin(t, { name: 'red' });
  const blue = await startOrigin(t, { name: 'blue' });
  await startService(t, server, [
    'http',
    red.address,
    '--name',
    'red',
    '--rendezvous-token',
    rendezvous,
  ]);
  await startService(t, server, ['http', blue.address, '--name', 'blue']);
  return { server, red, blue };
}

test('10,000 requests of two tenants over shared connections, with aborts: never a foreign byte', async (t) => {
  const mark = (name: string) => (request: http.IncomingMessage, response: http.ServerResponse) => {
    request.resume();
    request.on('end', () =>
      response.end(`${name} ${String(request.headers['x-request-id'])} `.repeat(200)),
    );
  };
  const server = await startServer(t);
  for (const name of ['red', 'blue']) {
    const origin = await startOrigin(t, { log: false, handlers: { marked: mark(name) } });
    await startService(t, server, ['http', origin.address, '--name', name]);
  }
  const body = noiseBytes(64 * 1024);
  let next = 0;
  let compared = 0;
  const worker = async (): Promise<void> => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (next < 10_000) {
      const n = next++;
      const name = n % 2 === 0 ? 'red' : 'blue';
      const id = `${name}-${n}`;
      const question = {
        port: server.port,
        host: `${name}.localhost`,
        path: '/marked',
        agent,
        headers: { 'x-request-id': id },
        ...(n % 8 === 1 && { method: 'POST', body }),
      };
      if (n % 10 === 7) {
        const response = await open(question);
        response.destroy();
        continue;
      }
      const { text, status } = await ask(question);
      assert.equal(status, 200);
      assert.equal(text, `${name} ${id} `.repeat(200));
      compared++;
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  assert.equal(compared, 9_000);
});

test('every way to write a host leads to the same tenant or is refused', async (t) => {
  const { server } = await startTwo(t);
  const { port } = server;
  for (const host of [
    'red.localhost',
    'RED.LocalHost',
    'red.localhost.',
    'red.localhost:8080',
    'red.localhost.:1',
  ]) {
    assert.equal((await ask({ port, host, path: '/whoami' })).text, 'red', host);
  }
  for (const host of [
    'blue@red.localhost',
    'red.localhost:x',
    'red.localhost/',
    'red localhost',
    'blue.localhost,red.localhost',
    '',
  ]) {
    const answer = await exchange(
      port,
      `GET /whoami HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 4\d\d /, JSON.stringify(host));
  }
  const both = 'GET /whoami HTTP/1.1\r\nHost: red.localhost\r\nHost: blue.localhost\r\n\r\n';
  assert.match(await exchange(port, both), /^HTTP\/1\.1 400 /);
  const absolute = 'GET http://blue.localhost/whoami HTTP/1.1\r\nHost: red.localhost\r\n\r\n';
  assert.match(await exchange(port, absolute), /^HTTP\/1\.1 400 /);
});

test('a smuggled request reaches no origin and poisons no answer', async (t) => {
  const { server, red } = await startTwo(t);
  const inner = 'GET /stolen HTTP/1.1\r\nHost: red.localhost\r\n\r\n';
  const start = 'POST /digest HTTP/1.1\r\nHost: red.localhost\r\n';
  const attacks = [
    `${start}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    `${start}Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    `${start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${inner}`,
    `${start}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${inner}`,
    `${start}X: y\nContent-Length: 0\r\n\r\n${inner}`,
    `${start}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${inner}`,
    `${start}Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n${inner}`,
  ];
  for (const attack of attacks) {
    const socket = net.connect({ port: server.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.end(attack);
    let answer = '';
    socket.on('data', (piece) => (answer += String(piece)));
    await once(socket, 'close');
    assert.doesNotMatch(answer, /HTTP\/1\.1 2\d\d /, JSON.stringify(attack));
    const victim = await ask({ port: server.port, host: 'blue.localhost', path: '/whoami' });
    assert.equal(victim.text, 'blue');
  }
  assert.deepEqual(
    red.heads.filter((head) => head.includes('/stolen')),
    [],
  );
});

test('forwarded fields of a stranger are replaced, and cannot be stripped', async (t) => {
  const { server, red } = await startTwo(t);
  await ask({
    port: server.port,
    host: 'red.localhost',
    headers: {
      'X-Forwarded-For': '6.6.6.6',
      'X-Forwarded-Host': 'blue.localhost',
      'X-Forwarded-Proto': 'https',
      'X-Real-IP': '6.6.6.6',
      X_Forwarded_For: '6.6.6.6',
      Forwarded: 'for=6.6.6.6',
      'Proxy-Authorization': 'Basic c2VjcmV0',
      Connection: 'close, x-forwarded-for, x-forwarded-proto, host',
    },
  });
  const seen = red.heads[0] ?? '';
  assert.doesNotMatch(seen, /6\.6\.6\.6|blue|c2VjcmV0/);
  assert.match(seen, /^host: red\.localhost$/im);
  assert.match(seen, /^x-forwarded-for: 127\.0\.0\.1$/im);
  assert.match(seen, /^x-forwarded-proto: http$/im);
  assert.match(seen, /^x-forwarded-host: red\.localhost$/im);
  assert.match(seen, /^forwarded: .*for=/im);
});

test('forwarded fields of a trusted proxy are believed and added to', async (t) => {
  const { server, red } = await startTwo(t, ['--trusted-proxies', '127.0.0.0/8']);
  const headers = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' };
  await ask({ port: server.port, host: 'red.localhost', headers });
  const seen = red.heads[0] ?? '';
  assert.match(seen, /^x-forwarded-for: 203\.0\.113\.7, ?127\.0\.0\.1$/im);
  assert.match(seen, /^x-forwarded-proto: https$/im);
});

test('the path decides once: only a token at its very beginning leads by token', async (t) => {
  const { server, red } = await startTwo(t);
  const { port } = server;
  const target = (path: string): Promise<string> =>
    exchange(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  assert.match(await target(`/_token/${rendezvous}/whoami?a=%2f..%2f`), /red$/);
  assert.match(await target(`/_token/${rendezvous}`), /hello$/);
  for (const path of [
    `/x/../_token/${rendezvous}/whoami`,
    `//_token/${rendezvous}/whoami`,
    `/%5ftoken/${rendezvous}/whoami`,
    `/_token%2f${rendezvous}/whoami`,
    `/_token/${rendezvous}x/whoami`,
    `/_TOKEN/${rendezvous}/whoami`,
  ]) {
    assert.match(await target(path), /^HTTP\/1\.1 4\d\d /, path);
  }
  assert.match(await target(`/${'a'.repeat(64 * 1024)}`), /^HTTP\/1\.1 (?:414|431) /);
  const requested = red.heads.map((head) => head.split('\n')[0]);
  assert.deepEqual(
    requested,
    ['GET /whoami?a=%2f..%2f', 'GET /'],
    'the rest is passed on as it came',
  );
  const twice = `GET /_token/${rendezvous}/ HTTP/1.1\r\nHost: localhost\r\nX-Token: another-0123456789\r\n\r\n`;
  assert.match(await exchange(port, twice), /^HTTP\/1\.1 400 /);
});
