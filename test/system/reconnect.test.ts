import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startForwarder } from '../support/forwarder.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { freePort, startEcho } from '../support/tcp-targets.ts';
import { startClient, startServer, startService } from '../support/tunnel.ts';
import { until, within } from '../support/wait.ts';

const host = 'web.localhost';

test('a black hole between agent and server is noticed by both within 5 s at a heartbeat of 1 s', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t, ['--heartbeat', '1s']);
  const between = await startForwarder(t, server.port);
  const words = ['http', origin.address, '--name', 'web', '--heartbeat', '1s'];
  await startService(t, between, words);
  assert.equal((await ask({ port: server.port, host })).status, 200);
  assert.equal(between.connections(), 1);

  between.blackhole();
  const began = performance.now();
  const hanging = ask({ port: server.port, host });
  const reply = await within(5_000, hanging, 'the server’s verdict');
  assert.ok(reply.status === 502 || reply.status === 503, String(reply.status));
  const left = 5_000 - (performance.now() - began);
  await until('the agent dials again', () => between.connections() > 1, left);

  between.heal();
  await until(
    'the service is back',
    async () => (await ask({ port: server.port, host })).status === 200,
    15_000,
  );
});

test('an agent that comes back replaces its own ghost at once, though the name is exclusive', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t, ['--heartbeat', '30s']);
  const between = await startForwarder(t, server.port);
  const exclusive = ['--exclusive', 'first', '--heartbeat', '1s'];
  const words = ['http', origin.address, '--name', 'web', ...exclusive];
  await startService(t, between, words);
  between.strand();
  const ms = await until(
    'the new connection answers',
    async () => {
      const reply = await ask({ port: server.port, host, timeout: 500 }).catch(() => null);
      return reply?.status === 200;
    },
    10_000,
  );
  assert.ok(ms < 8_000, `after ${ms} ms`);
});

test('a name held exclusively: the second agent exits 4, and the first goes on', async (t) => {
  const one = await startOrigin(t, { name: 'one' });
  const two = await startOrigin(t, { name: 'two' });
  const server = await startServer(t);
  const words = ['--name', 'web', '--exclusive', 'first'];
  await startService(t, server, ['http', one.address, ...words]);
  const second = startClient(t, server, ['http', two.address, ...words]);
  assert.equal((await second.ended()).code, 4);
  assert.match(second.err(), /NAME_TAKEN/);
  assert.equal((await ask({ port: server.port, host, path: '/whoami' })).text, 'one');
});

test('--exclusive latest: the second agent takes the name over, and the first exits 4', async (t) => {
  const one = await startOrigin(t, { name: 'one' });
  const two = await startOrigin(t, { name: 'two' });
  const server = await startServer(t);
  const words = ['--name', 'web', '--exclusive', 'latest'];
  const first = await startService(t, server, ['http', one.address, ...words]);
  await startService(t, server, ['http', two.address, ...words]);
  assert.equal((await first.program.ended()).code, 4);
  assert.equal((await ask({ port: server.port, host, path: '/whoami' })).text, 'two');
});

test('a wrong token and none exit 3, what is not a Sallyport server 5', async (t) => {
  const echo = await startEcho(t);
  const server = await startServer(t);
  const words = ['tcp', echo.address, '--name', 'box'];
  const wrong = { env: { SALLYPORT_TOKEN: 'sp_wrong-token-wrong-token' } };
  const denied = startClient(t, server, words, wrong);
  assert.equal((await denied.ended()).code, 3);
  assert.match(denied.err(), /AUTH_FAILED/);
  const without = startClient(t, server, words, { env: { SALLYPORT_TOKEN: undefined } });
  assert.equal((await without.ended()).code, 3);
  assert.match(without.err(), /AUTH_REQUIRED/);
  const origin = await startOrigin(t);
  const stranger = startClient(t, origin, words);
  assert.equal((await stranger.ended()).code, 5);
  assert.match(stranger.err(), /SERVER_NOT_SALLYPORT/);
});

test('an agent that finds no server keeps dialling until there is one', async (t) => {
  const origin = await startOrigin(t);
  const port = await freePort();
  const agent = startClient(t, { port }, ['http', origin.address, '--name', 'web']);
  await agent.logLine((line) => (line.includes('SERVER_UNREACHABLE') ? true : undefined));
  await startServer(t, ['--listen', `127.0.0.1:${port}`]);
  await until('it has arrived', async () => (await ask({ port, host })).status === 200, 15_000);
});

test('--keep-trying outlives a wrong token and gets in once the server knows it', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  const token = { env: { SALLYPORT_TOKEN: 'sp_a-token-the-server-learns-later' } };
  const words = ['http', origin.address, '--name', 'web', '--keep-trying'];
  const agent = startClient(t, server, words, token);
  await agent.logLine((line) => (line.includes('AUTH_FAILED') ? true : undefined));
  await server.program.end('SIGKILL');
  await startServer(t, ['--listen', `127.0.0.1:${server.port}`], token);
  await until(
    'it has arrived',
    async () => (await ask({ port: server.port, host })).status === 200,
    15_000,
  );
});
