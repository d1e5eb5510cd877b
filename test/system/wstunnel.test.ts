import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { createWstunnelServer } from '../../src/compat/wstunnel/dialect.ts';
import { composeServer, runAgent, service } from '../support/composition.ts';
import { ask, exchange, open } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { noiseBytes } from '../support/noise.ts';
import { within } from '../support/wait.ts';
import { byToken, ok, playAgent, rendezvous } from '../support/wstunnel-agent.ts';
import { startWstunnel, statsOf } from '../support/wstunnel-dialect.ts';

describe('requests to an agent', () => {
  test('by X-Token and by path: one message each, without the token', async (t) => {
    const server = await startWstunnel(t);
    const agent = await playAgent(t, server, { answer: (asked) => asked.answer(ok('WORLD')) });
    const first = await ask({ ...server, path: '/some/web/page?a=b', headers: byToken });
    assert.deepEqual([first.status, first.text], [200, 'WORLD']);
    const second = await ask({ ...server, path: `/_token/${rendezvous}/some/web/page` });
    assert.equal(second.text, 'WORLD');
    assert.deepEqual(
      agent.asked.map(({ id }) => id),
      ['0001', '0002'],
    );
    assert.match(agent.asked[0].text, /^GET \/some\/web\/page\?a=b HTTP\/1\.1\r\n/);
    assert.match(agent.asked[1].text, /^GET \/some\/web\/page HTTP\/1\.1\r\n/);
    for (const { text } of agent.asked) assert.doesNotMatch(text, /token|secret/i);
  });

  test('bodies with a length and chunked ones arrive whole, with their framing', async (t) => {
    const server = await startWstunnel(t);
    const agent = await playAgent(t, server, { answer: (asked) => asked.answer(ok('')) });
    const body = noiseBytes(12 * 1024 * 1024);
    await ask({ ...server, method: 'POST', headers: byToken, body });
    const { bytes } = agent.asked[0];
    const end = bytes.indexOf('\r\n\r\n') + 4;
    assert.match(bytes.toString('latin1', 0, end), /\r\ncontent-length: 12582912\r\n/i);
    assert.ok(bytes.subarray(end).equals(body));

    const chunked = { ...byToken, 'Transfer-Encoding': 'chunked' };
    await ask({ ...server, method: 'POST', headers: chunked, body: 'hello' });
    assert.match(agent.asked[1].text, /\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
  });

  test('responses in any order, in all three framings, and statuses of any kind', async (t) => {
    const server = await startWstunnel(t);
    const agent = await playAgent(t, server);
    const asks = ['/a', '/b', '/c', '/d'].map((path) => ask({ ...server, path, headers: byToken }));
    await agent.request(3);
    const named = (path: string) => agent.asked.find(({ text }) => text.includes(` ${path} `))!;
    named('/d').answer('HTTP/1.1 445 Bad Gateway\r\nContent-Length: 3\r\n\r\nodd');
    named('/c').answer('HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nuntil the end');
    named('/b').answer(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    );
    named('/a').answer('HTTP/1.1 200 OK\r\n\r\nno length at all');
    const replies = await Promise.all(asks);
    assert.deepEqual(
      replies.map(({ status, text }) => [status, text]),
      [
        [200, 'no length at all'],
        [200, 'abc'],
        [200, 'until the end'],
        [445, 'odd'],
      ],
    );
  });

  test('HEAD, 204 and 304 have heads only', async (t) => {
    const server = await startWstunnel(t);
    const answers = [
      'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n',
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
    ];
    await playAgent(t, server, { answer: (asked) => asked.answer(answers.shift()!) });
    const head = await ask({ ...server, method: 'HEAD', headers: byToken });
    assert.equal(head.headers['content-length'], '99');
    assert.equal((await ask({ ...server, headers: byToken })).status, 204);
    assert.equal((await ask({ ...server, headers: byToken })).headers.etag, '"x"');
  });

  test('interim responses come before the one that counts, and the next request has one of its own', async (t) => {
    const server = await startWstunnel(t);
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n';
    const answers = [Buffer.concat([Buffer.from(early), ok('first')]), ok('second')];
    await playAgent(t, server, { answer: (asked) => asked.answer(answers.shift()!) });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    assert.equal((await ask({ ...server, headers: byToken, agent })).text, 'first');
    assert.equal((await ask({ ...server, headers: byToken, agent })).text, 'second');
  });

  test('a response is passed on while its message is still arriving', async (t) => {
    const server = await startWstunnel(t);
    const agent = await playAgent(t, server);
    const answered = open({ ...server, headers: byToken });
    const { id } = await agent.request(0);
    agent.socket.send(Buffer.from(`${id}HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst`), {
      fin: false,
    });
    const response = await answered;
    const [piece] = await within(5_000, firstPiece(response), 'the first half');
    assert.equal(String(piece), 'first');
    agent.socket.send(Buffer.from('other'), { fin: true });
    let rest = '';
    for await (const more of response) rest += String(more);
    assert.equal(rest, 'other');
  });

  test('who waits for leave to send the body gets it', async (t) => {
    const server = await startWstunnel(t);
    await playAgent(t, server, { answer: (asked) => asked.answer(ok('done')) });
    const head = `POST / HTTP/1.1\r\nHost: x\r\nX-Token: ${rendezvous}\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 0005\r\n\r\n`;
    const text = await exchange(server.port, `${head}hello`);
    assert.match(text, /200 OK[^]*done$/);
  });

  test('one after another on one connection, and 100 at once', async (t) => {
    const server = await startWstunnel(t);
    const echo = /GET (\S+)/;
    await playAgent(t, server, {
      answer: (asked) => setImmediate(() => asked.answer(ok(echo.exec(asked.text)![1]))),
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    for (let i = 0; i < 20; i++)
      assert.equal(
        (await ask({ ...server, path: `/${i}`, headers: byToken, agent })).text,
        `/${i}`,
      );
    const paths = Array.from({ length: 100 }, (_, i) => `/p${i}`);
    const replies = await Promise.all(
      paths.map((path) => ask({ ...server, path, headers: byToken })),
    );
    assert.deepEqual(
      replies.map(({ text }) => text),
      paths,
    );
  });
});

describe('endpoints and refusals', () => {
  test('texts and statuses are those of the original', async (t) => {
    const server = await startWstunnel(t);
    const cases: [path: string, headers: Record<string, string>, status: number, body: string][] = [
      ['/_health_check', {}, 200, 'WSTUNSRV RUNNING\n'],
      ['/x', {}, 400, 'Missing X-Token header\n'],
      ['/_token/', {}, 400, 'Missing token in URI\n'],
      ['/_token/abcdefghijklmnop', {}, 400, 'Missing token in URI\n'],
      ['/_token/abcdefghijklmnop/x', {}, 404, 'Tunnel not found (or not seen in a long time)\n'],
      ['/x', { 'X-Token': 'short' }, 404, 'Tunnel not found (or not seen in a long time)\n'],
      ['/_tunnel', {}, 400, 'Origin header with rendez-vous token required\n'],
      ['/_tunnel', { Origin: 'short' }, 400, 'Rendez-vous token is too short (must be 16 chars)\n'],
      ['/_tunnel', { Origin: rendezvous }, 400, 'Not a websocket handshake\n'],
    ];
    for (const [path, headers, status, body] of cases) {
      const reply = await ask({ ...server, path, headers });
      assert.deepEqual([reply.status, reply.text], [status, body], path);
      assert.equal(reply.headers['x-content-type-options'], 'nosniff');
      assert.equal(reply.headers['content-type'], 'text/plain; charset=utf-8');
    }
    const post = await ask({ ...server, path: '/_tunnel', method: 'POST', body: '' });
    assert.deepEqual([post.status, post.text], [400, 'Only GET requests are supported\n']);
  });

  test('a body that no message can hold is refused by its length alone', async (t) => {
    const server = await startWstunnel(t);
    await playAgent(t, server);
    const head = `POST / HTTP/1.1\r\nHost: x\r\nX-Token: ${rendezvous}\r\nContent-Length: 104857600\r\n\r\n`;
    assert.match(await exchange(server.port, head), /^HTTP\/1\.1 413 /);
  });

  test('a token that is not listed comes in nowhere but on an open server', async (t) => {
    const tokens = [{ name: 'fridge', token: 'the-token-of-the-fridge' }];
    const server = await startWstunnel(t, { open: false, alone: false, tokens });
    const late = new WebSocket(`ws://127.0.0.1:${server.port}/_tunnel`, {
      headers: { Origin: rendezvous },
    });
    const [error] = await once(late, 'error');
    assert.match(String(error), /response: 401/);
  });

  test('a listed token has a host too, and its requests wait from the first moment on', async (t) => {
    const tokens = [{ name: 'fridge', token: 'the-token-of-the-fridge' }];
    const server = await startWstunnel(
      t,
      { open: false, alone: false, tokens },
      { domain: 'example.test' },
    );
    const waiting = ask({ ...server, host: 'fridge.example.test', path: '/by-host' });
    const answer = (one: { answer(response: Buffer): void }): void => one.answer(ok('cold'));
    await playAgent(t, server, { token: tokens[0].token, answer });
    assert.equal((await waiting).text, 'cold');
    const direct = await ask({ ...server, headers: { 'X-Token': tokens[0].token } });
    assert.equal(direct.text, 'cold');
  });

  for (const transport of ['websocket', 'longpoll'] as const)
    test(`a native agent that comes by ${transport} is reached by X-Token too`, async (t) => {
      const server = await startWstunnel(t);
      const origin = await startOrigin(t, { name: 'native' });
      const rendezvousToken = 'a-token-of-a-native-agent';
      const offered = service('native', `http://${origin.address}`, {
        kind: 'http',
        rendezvousToken,
      });
      const agent = runAgent(t, server, [offered], { transport });
      await agent.ready();
      const headers = { 'X-Token': rendezvousToken };
      assert.equal((await ask({ ...server, path: '/whoami', headers })).text, 'native');
      await agent.stop();
    });

  test('tokens of any visible characters: in the field, and in the path where they are one segment', async (t) => {
    const server = await startWstunnel(t);
    const answer = (asked: { answer(response: Buffer): void }): void => asked.answer(ok('here'));
    for (const token of ['base64+with/slashes==', 'escaped%2Ftoken%20text', '"<{[^`|#?!]}>"-odd']) {
      await playAgent(t, server, { token, answer });
      assert.equal((await ask({ ...server, headers: { 'X-Token': token } })).text, 'here', token);
    }
    assert.equal((await ask({ ...server, path: '/_token/escaped%2Ftoken%20text/' })).text, 'here');
    assert.equal((await ask({ ...server, path: '/_token/base64+with/slashes==/' })).status, 404);
  });

  test('stats are for this machine, judged by who is really there', async (t) => {
    const server = await startWstunnel(t);
    await playAgent(t, server, { answer: (asked) => asked.answer(ok('asked')) });
    const before = await statsOf(server);
    assert.equal((await ask({ ...server, headers: byToken })).text, 'asked');
    const text = await statsOf(server);
    assert.match(text, /_idle_secs=\d+\.\d\ntunnel00_cli_addr=127\.0\.0\.1:\d+\n\nreq_pending=0\n/);
    assert.match(
      before,
      /^tunnels=1\n\ntunnel00_token=wstunnel-[0-9a-f]{16}\ntunnel00_req_pending=0\ntunnel00_tun_addr=127\.0\.0\.1:\d+\ntunnel00_idle_secs=\d+\.\d\n\nreq_pending=0\ndead_tunnels=0\n$/,
    );
    const outside = await ask({
      ...server,
      path: '/_stats',
      headers: { 'X-Forwarded-For': '127.0.0.1' },
    });
    assert.equal(outside.text, 'tunnels=1\nMore stats available when called from localhost...\n');
  });

  test('a server that is being shut down takes no agents', async (t) => {
    const dialects = [createWstunnelServer({ open: true })];
    const server = await composeServer(t, { dialects });
    const { port } = server.address;
    const agent = await playAgent(t, server.address);
    const ending = server.close(2_000);
    await within(5_000, agent.closed, 'the end of the tunnel');
    await ending;
    const late = new WebSocket(`ws://127.0.0.1:${port}/_tunnel`, {
      headers: { Origin: rendezvous },
    });
    await once(late, 'error');
  });
});

/** The first piece of a body; what follows is still to be read. */
async function firstPiece(response: IncomingMessage): Promise<unknown[]> {
  const pieces = await once(response, 'data');
  response.pause();
  return pieces;
}
