import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { createWstunnelServer } from '../../src/compat/wstunnel/dialect.ts';
import { composeServer } from '../support/composition.ts';
import { ask, open } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { digestOf, noiseBytes, noiseDigest } from '../support/noise.ts';
import { until } from '../support/wait.ts';
import { rendezvous } from '../support/wstunnel-agent.ts';
import { runClient } from '../support/wstunnel-client.ts';
import { playServer, type PlayedServer } from '../support/wstunnel-server.ts';

const byToken = { 'X-Token': rendezvous };
const MB = 1024 * 1024;

async function startPlayed(
  t: TestContext,
  choice: { server?: string; regexp?: string },
): Promise<PlayedServer> {
  const server = await playServer(t);
  await runClient(t, server, choice).connected();
  return server;
}

describe('messages', () => {
  test('a request as the original server writes it is sent to the server of the command line', async (t) => {
    const origin = await startOrigin(t);
    const server = await startPlayed(t, { server: `http://${origin.address}` });
    assert.deepEqual(server.came, [{ origin: rendezvous, path: '/_tunnel' }]);
    const answer = await server.ask(
      '0001',
      'GET /whoami HTTP/1.1\r\nHost: wstun.example.com:8080\r\nUser-Agent: curl/7.68.0\r\nAccept: */*\r\n' +
        'Connection: X-Hop\r\nX-Hop: gone\r\nProxy-Connection: keep-alive\r\nTrailer: x\r\nX-Token: my_b!g_$secret!!\r\n\r\n',
    );
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\nContent-Length: 6\r\n[^]*\r\n\r\norigin$/);
    assert.doesNotMatch(answer, /^(?:connection|keep-alive|transfer-encoding):/im);
    const [head] = origin.heads;
    assert.match(head, new RegExp(`Host: ${origin.address}`));
    assert.match(head, /User-Agent: curl/);
    assert.doesNotMatch(head, /secret|X-Hop|Proxy-|Trailer/i);
  });

  test('bodies: with a length, chunked, none', async (t) => {
    const origin = await startOrigin(t);
    const server = await startPlayed(t, { server: `http://${origin.address}` });
    const post = 'POST /echo HTTP/1.1\r\nHost: h\r\n';
    assert.match(await server.ask('00ff', `${post}Content-Length: 5\r\n\r\nhello`), /hello$/);
    const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`;
    assert.match(await server.ask('0100', chunked), /hello!$/);
    assert.match(await server.ask('7cff', `${post}\r\n`), /Content-Length: 0\r\n[^]*\r\n\r\n$/);
    const head = await server.ask('0000', 'HEAD /noise/99 HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.match(head, /content-length: 99\r\n[^]*\r\n\r\n$/i);
    const none = await server.ask('0002', 'GET /status/204 HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.match(none, /^HTTP\/1\.1 204/);
    assert.doesNotMatch(none, /content-length/i);
  });

  test('a path of -server stands before those of requests', async (t) => {
    const origin = await startOrigin(t);
    const server = await startPlayed(t, { server: `http://${origin.address}/noise/` });
    assert.match(
      await server.ask('0001', 'GET /4 HTTP/1.1\r\nHost: h\r\n\r\n'),
      /Content-Length: 4/,
    );
  });

  test('what is no request is answered with 400, and a target that is not there with 502', async (t) => {
    const server = await startPlayed(t, { server: 'http://127.0.0.1:1' });
    const nonsense = await server.ask('0001', 'this is not HTTP\r\n\r\n');
    assert.match(
      nonsense,
      /^HTTP\/1\.1 400 Bad Gateway\r\nContent-Length: \d+\r\nContent-Type: text\/plain\r\nDate: [^\r]+\r\nServer: wstunnel\r\n\r\n/,
    );
    const short = await server.ask(
      '0002',
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf',
    );
    assert.match(short, /^HTTP\/1\.1 400 /);
    assert.match(await server.ask('0003', 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'), /^HTTP\/1\.1 502 /);
  });

  test('a message without a right id ends the tunnel, and the client comes back', async (t) => {
    for (const message of [
      Buffer.from('zzzzGET / HTTP/1.1\r\n\r\n'),
      Buffer.from('8000'),
      Buffer.from('00'),
      'text',
    ]) {
      const server = await playServer(t);
      const client = runClient(t, server, { server: 'http://127.0.0.1:1' });
      await client.connected();
      server.socket().send(message);
      await client.connected(2);
      assert.match(client.losses[0]!.code, /^PROTOCOL_/);
      await client.stop();
    }
  });

  test('a tunnel that is lost takes its requests to targets along', async (t) => {
    let asked = 0;
    let left = 0;
    const origin = createServer((request, response) => {
      asked++;
      request.socket.on('close', () => left++);
      // Never ends: the second does not even begin.
      if (request.url === '/events') response.writeHead(200).write('data: 1\n\n');
    }).listen(0, '127.0.0.1');
    t.after(() => origin.close());
    await once(origin, 'listening');
    const { port } = origin.address() as AddressInfo;
    const server = await playServer(t);
    const client = runClient(t, server, { server: `http://127.0.0.1:${port}` });
    await client.connected();
    for (const [id, line] of [
      ['0001', 'GET /events'],
      ['0002', 'POST /silence'],
    ])
      server.socket().send(Buffer.from(`${id}${line} HTTP/1.1\r\nHost: h\r\n\r\n`));
    await until('both are at the target', () => asked === 2);
    server.socket().terminate();
    await until('both have gone', () => left === 2);
    await client.connected(2);
  });

  test('it pings often enough for a server that waits 3 s, and leaves a silent one', async (t) => {
    const server = await playServer(t);
    const client = runClient(t, server, { server: 'http://127.0.0.1:1' }, { silenceMs: 900 });
    await client.connected();
    await until('it pings', () => server.pings() >= 3);
    server.socket().pause();
    await until('it gives up', () => client.losses.length > 0);
    assert.equal(client.losses[0]?.code, 'HEARTBEAT_LOST');
  });
});

describe('our server and our client', () => {
  async function startPair(t: TestContext, choice: { server?: string; regexp?: string }) {
    const dialects = [createWstunnelServer({ open: true, alone: true })];
    const { address } = await composeServer(t, { dialects });
    await runClient(t, address, choice).connected();
    return { port: address.port };
  }

  test('12 MB up and 12 MB down, odd statuses, 20 at once in any order', async (t) => {
    const origin = await startOrigin(t);
    const server = await startPair(t, { server: `http://${origin.address}` });
    const body = noiseBytes(12 * MB);
    const up = await ask({ ...server, path: '/digest', method: 'POST', headers: byToken, body });
    assert.equal(up.text, noiseDigest(12 * MB));
    const down = await ask({ ...server, path: `/noise/${12 * MB}`, headers: byToken });
    assert.equal(down.body.length, 12 * MB);
    assert.ok(down.body.equals(body));
    assert.equal((await ask({ ...server, path: '/status/445', headers: byToken })).status, 445);
    const delays = Array.from({ length: 20 }, (_, i) => (i * 37) % 200);
    const replies = await Promise.all(
      delays.map((ms) => ask({ ...server, path: `/slow/${ms}`, headers: byToken })),
    );
    assert.ok(replies.every(({ text }) => text === 'late'));
  });

  test('nothing that must not run twice does when a kept connection to the target closes', async (t) => {
    let served = 0;
    const origin = createServer({ keepAliveTimeout: 1 }, (_, response) => {
      served++;
      response.end('x');
    }).listen(0, '127.0.0.1');
    t.after(() => origin.close());
    await once(origin, 'listening');
    const { port } = origin.address() as AddressInfo;
    const server = await startPair(t, { server: `http://127.0.0.1:${port}` });
    for (let i = 0; i < 30; i++) {
      const method = i % 2 === 0 ? 'POST' : 'GET';
      assert.equal((await ask({ ...server, method, headers: byToken })).status, 200);
    }
    assert.equal(served, 30);
  });

  test('redirects are passed on, never followed', async (t) => {
    const trap = await startOrigin(t);
    const origin = createServer((_, response) => {
      response.writeHead(302, { Location: `http://${trap.address}/` }).end();
    }).listen(0, '127.0.0.1');
    t.after(() => origin.close());
    await once(origin, 'listening');
    const { port } = origin.address() as AddressInfo;
    const server = await startPair(t, { server: `http://127.0.0.1:${port}` });
    const reply = await ask({ ...server, headers: byToken });
    assert.equal(reply.status, 302);
    assert.equal(reply.headers.location, `http://${trap.address}/`);
    assert.equal(trap.heads.length, 0);
  });

  test('X-Host: allowed, partly matching, without -regexp, without -server', async (t) => {
    const origin = await startOrigin(t);
    const allowed = `http://${origin.address}`;
    const escaped = allowed.replaceAll('.', '\\.');
    const byRegexp = await startPair(t, { regexp: escaped });
    const xHost = (value: string) => ({ ...byToken, 'X-Host': value });
    const right = await ask({ ...byRegexp, path: '/whoami', headers: xHost(allowed) });
    assert.equal(right.text, 'origin');
    assert.doesNotMatch(origin.heads[0], /x-host/i);
    const partly = await ask({ ...byRegexp, headers: xHost(`${allowed}0`) });
    assert.equal(partly.status, 403);
    assert.match(partly.text, /^X-Host header '.*' does not match regexp in wstunnel cli$/);
    const without = await ask({ ...byRegexp, headers: byToken });
    assert.equal(without.text, 'X-Host header required by wstunnel cli (no -server option)');
    const byServer = await startPair(t, { server: allowed });
    const disallowed = await ask({ ...byServer, headers: xHost(allowed) });
    assert.equal(disallowed.status, 403);
    assert.equal(disallowed.text, 'X-Host header disallowed by wstunnel cli (no -regexp option)');
  });

  test('an answer that cannot be held is 502 or 503, and the tunnel lives on', async (t) => {
    const origin = await startOrigin(t);
    const server = await startPair(t, { server: `http://${origin.address}` });
    const long = await ask({
      ...server,
      path: `/chunks/${101 * MB}`,
      headers: byToken,
      timeout: 60_000,
    });
    assert.equal(long.status, 502);
    assert.equal((await ask({ ...server, path: '/whoami', headers: byToken })).text, 'origin');
  });

  test('a body of 90 MB each way', async (t) => {
    const origin = await startOrigin(t);
    const server = await startPair(t, { server: `http://${origin.address}` });
    const body = noiseBytes(90 * MB);
    const up = await ask({
      ...server,
      path: '/digest',
      method: 'POST',
      headers: byToken,
      body,
      timeout: 60_000,
    });
    assert.equal(up.text, noiseDigest(90 * MB));
    const { digest } = await digestOf(
      await open({
        ...server,
        path: `/noise/${90 * MB}`,
        headers: byToken,
        timeout: 60_000,
      }),
    );
    assert.equal(digest, noiseDigest(90 * MB));
  });
});
