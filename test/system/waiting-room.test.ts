import assert from 'node:assert/strict';
import http from 'node:http';
import { test, type TestContext } from 'node:test';
import { temporaryFile } from '../support/files.ts';
import { ask, type Reply } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { noiseBytes } from '../support/noise.ts';
import { startClient, startServer, startService, type Server } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

const host = 'web.localhost';

async function startWaiting(t: TestContext, whenAbsent: string, listen?: string): Promise<Server> {
  const services = `services:\n  - name: web\n    when_absent: { ${whenAbsent} }\n`;
  const file = temporaryFile(t, 'server.yaml', services);
  return startServer(t, ['--config', file, ...(listen === undefined ? [] : ['--listen', listen])]);
}

test('requests wait for the first agent, bodies unread, and each goes out once', async (t) => {
  const server = await startWaiting(t, 'hold: 20s, queue: 30');
  const origin = await startOrigin(t);
  const body = noiseBytes(2_000_000);
  const waiting = Array.from({ length: 20 }, (_, n) => {
    const method = n % 2 === 0 ? 'GET' : 'POST';
    const headers = { 'x-request-id': `r${n}` };
    const path = method === 'GET' ? '/' : '/echo';
    return ask({ port: server.port, host, method, path, headers, ...(n % 2 === 1 && { body }) });
  });
  await startService(t, server, ['http', String(origin.port), '--name', 'web']);
  const replies = await Promise.all(waiting);
  for (const [n, { status, body: got }] of replies.entries()) {
    assert.equal(status, 200);
    if (n % 2 === 1) assert.ok(got.equals(body));
  }
  assert.deepEqual([...new Set(origin.ledger.values())], [1]);
  assert.equal(origin.ledger.size, 20);
});

test('nobody comes in time: the status of the service, with Retry-After and the reason', async (t) => {
  const server = await startWaiting(t, 'hold: 300ms, answer: 504');
  const { status, text, ms } = await ask({ port: server.port, host });
  assert.equal(status, 504);
  assert.match(text, /SERVICE_ABSENT/);
  assert.match(text, /no agent came within 300 ms/);
  assert.ok(ms >= 290, `answered after ${ms} ms`);
});

test('a full queue refuses at once, and who leaves frees a place', async (t) => {
  const server = await startWaiting(t, 'hold: 20s, queue: 2');
  const origin = await startOrigin(t);
  const left = new AbortController();
  const options = { host: '127.0.0.1', port: server.port, headers: { host }, signal: left.signal };
  for (let n = 0; n < 2; n++) http.get(options).on('error', () => {});
  let refused: Reply | undefined;
  await until('both wait', async () => {
    refused = await ask({ port: server.port, host, timeout: 500 }).catch(() => undefined);
    return refused !== undefined;
  });
  assert.equal(refused?.status, 503);
  assert.match(refused.text, /2 others wait/);
  assert.ok(refused.headers['retry-after']);
  left.abort();
  const agent = startService(t, server, ['http', String(origin.port), '--name', 'web']);
  await until(
    'a place is free',
    async () => (await ask({ port: server.port, host })).status === 200,
  );
  await agent;
});

test('streams of connect wait too', async (t) => {
  const server = await startWaiting(t, 'hold: 20s');
  const origin = await startOrigin(t);
  const client = startClient(t, server, ['connect', 'web']);
  client.stdin.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await startService(t, server, ['http', String(origin.port), '--name', 'web']);
  await until('it is answered', () => client.out().startsWith('HTTP/1.1 200'));
});

for (const transport of ['websocket', 'longpoll'])
  test(`the server is killed and restarted under requests, agent over ${transport}: none is run twice, those of GET are answered`, async (t) => {
    const first = await startWaiting(t, 'hold: 10s, queue: 500');
    const origin = await startOrigin(t);
    await startService(t, first, [
      'http',
      String(origin.port),
      '--name',
      'web',
      '--transport',
      transport,
    ]);
    let count = 0;
    const outcomes: string[] = [];
    const send = async (method: string): Promise<void> => {
      const headers = { 'x-request-id': `${method}-${++count}` };
      const body = method === 'POST' ? { body: 'once' } : {};
      const question = { port: first.port, host, method, path: '/', headers, ...body };
      outcomes.push(await ask(question).then(({ status }) => String(status), String));
    };
    const sent: Promise<void>[] = [];
    const timer = setInterval(() => sent.push(send(sent.length % 2 === 0 ? 'GET' : 'POST')), 5);
    t.after(() => clearInterval(timer));
    await until('requests are answered', () => outcomes.length > 50);
    await first.program.end('SIGKILL');
    const before = outcomes.length;
    await startWaiting(t, 'hold: 10s, queue: 500', `127.0.0.1:${first.port}`);
    await until(
      'requests are answered again',
      () => outcomes.slice(before).filter((o) => o === '200').length > 100,
      15_000,
    );
    clearInterval(timer);
    await Promise.all(sent);
    const doubled = [...origin.ledger].filter(([, times]) => times > 1);
    assert.deepEqual(
      doubled.filter(([id]) => id.startsWith('POST')),
      [],
    );
    // While nobody listened the connection was refused, or broken off with the process.
    for (const outcome of outcomes)
      assert.match(outcome, /^200$|ECONNREFUSED|ECONNRESET|socket hang up|broke off/);
  });
