import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { startForwarder } from '../support/forwarder.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { digestOf, noiseBytes, noiseDigest, noiseStream } from '../support/noise.ts';
import { playProxy } from '../support/proxies.ts';
import { converse, startEcho } from '../support/tcp-targets.ts';
import { readForwardPort, startClient, startServer, startService } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

const host = 'web.localhost';

test('an agent and a consumer over single requests: bodies both ways, and a forwarded port', async (t) => {
  const server = await startServer(t);
  const origin = await startOrigin(t);
  const echo = await startEcho(t);
  const poll = ['--transport', 'longpoll'];
  await startService(t, server, ['http', String(origin.port), '--name', 'web', ...poll]);
  await startService(t, server, ['tcp', String(echo.port), '--name', 'box', ...poll]);
  const body = noiseBytes(20_000_000);
  const reply = await ask({ port: server.port, host, path: '/echo', method: 'POST', body });
  assert.equal(reply.status, 200);
  assert.ok(reply.body.equals(body));
  const forward = startClient(t, server, ['forward', '0:box', '--json', ...poll]);
  const port = await forward.line(readForwardPort);
  const sent = noiseBytes(1_000_000);
  assert.ok((await converse(port, sent)).equals(sent));
});

test('connections that are cut again and again: the session stays, and nothing is lost', async (t) => {
  const server = await startServer(t);
  const origin = await startOrigin(t);
  const between = await startForwarder(t, server.port);
  const words = ['http', String(origin.port), '--name', 'web', '--transport', 'longpoll'];
  const service = await startService(t, between, words);
  const body = noiseBytes(3_000_000);
  for (let round = 0; round < 5; round++) {
    const reply = ask({ port: server.port, host, path: '/echo', method: 'POST', body });
    between.cut();
    assert.ok((await reply).body.equals(body));
  }
  assert.doesNotMatch(service.program.err(), /dialling again/);
});

test('auto: where a proxy lets no upgrade through, single requests are taken, and it is said why', async (t) => {
  const server = await startServer(t);
  const origin = await startOrigin(t);
  // Takes the upgrade for an ordinary request, as proxies do that know no WebSocket.
  const proxy = await playProxy(t, {
    answer: (heard) => {
      const text = heard.toString('latin1');
      if (!text.includes('\r\n\r\n')) return null;
      return /\r\nUpgrade: websocket/i.test(text)
        ? { bytes: 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n', end: true }
        : { join: server.port, replay: true };
    },
  });
  const service = await startService(t, proxy, ['http', String(origin.port), '--name', 'web']);
  assert.equal((await ask({ port: server.port, host })).status, 200);
  const said = await service.program.logLine((line) =>
    line.includes('another transport is used') ? line : undefined,
  );
  assert.match(said, /longpoll/);
  assert.match(said, /400/);
});

test('a wrong token is refused over single requests as it is over WebSocket', async (t) => {
  const server = await startServer(t);
  const program = startClient(
    t,
    server,
    ['tcp', '22', '--name', 'box', '--transport', 'longpoll'],
    {
      env: { SALLYPORT_TOKEN: 'sp_not-the-token-of-this-server' },
    },
  );
  assert.equal((await program.ended()).code, 3);
  assert.match(program.err(), /AUTH_FAILED/);
});

test('the server restarts: the agent is back by itself', async (t) => {
  const server = await startServer(t);
  const origin = await startOrigin(t);
  const words = ['http', String(origin.port), '--name', 'web', '--transport', 'longpoll'];
  await startService(t, server, words);
  await server.program.end('SIGKILL');
  await startServer(t, ['--listen', `127.0.0.1:${server.port}`]);
  await until(
    'the service is back',
    async () => (await ask({ port: server.port, host })).status === 200,
    15_000,
  );
});

test('200 MB down and 200 MB up over single requests arrive byte for byte', async (t) => {
  const server = await startServer(t);
  const origin = await startOrigin(t);
  const words = ['http', String(origin.port), '--name', 'web', '--transport', 'longpoll'];
  await startService(t, server, words);
  const size = 200_000_000;
  const digest = noiseDigest(size);
  const road = { host: '127.0.0.1', port: server.port, headers: { host } };
  const down = http.get({ ...road, path: `/noise/${size}` });
  const [answer] = (await once(down, 'response')) as [http.IncomingMessage];
  assert.equal((await digestOf(answer)).digest, digest);
  const up = http.request({ ...road, path: '/digest', method: 'PUT' });
  const answered = once(up, 'response');
  await pipeline(noiseStream(size), up);
  const [said] = (await answered) as [http.IncomingMessage];
  assert.equal(await textOf(said), digest);
});
