/** Attacks on the control API of a real server, over real sockets. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { CONTROL_BODY_MAX_BYTES, GUESSES_FREE, HTTP_LINGER_BYTES } from '../../src/limits.ts';
import { temporaryFile } from '../support/files.ts';
import { ask, exchange } from '../support/http-client.ts';
import { memoryOf, runProgram } from '../support/program.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { startServer, startService, testToken, type Server } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

const bearer = `Authorization: Bearer ${testToken}`;

function request(method: string, path: string, ...fields: string[]): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Accept: application/json', 'Connection: close'];
  return `${[...lines, ...fields].join('\r\n')}\r\n\r\n`;
}

/** Whether an agent is still attached. */
async function agents({ port }: Server): Promise<number> {
  const headers = { authorization: `Bearer ${testToken}` };
  const { text } = await ask({ port, path: '/api/v1/agents', headers });
  return (JSON.parse(text) as { total: number }).total;
}

async function startWithAgent(t: TestContext): Promise<Server> {
  const server = await startServer(t);
  const echo = await startEcho(t);
  await startService(t, server, ['tcp', echo.address, '--name', 'box']);
  return server;
}

test('T36: DNS rebinding: a name that leads here is no name of the server, whatever it is', async (t) => {
  const server = await startWithAgent(t);
  const hosts = [
    'rebind.evil',
    'localhost.rebind.evil',
    '127.0.0.1.rebind.evil',
    'xn--e1afmkfd.test',
  ];
  for (const host of hosts) {
    for (const [method, path] of [
      ['GET', '/api/v1/agents'],
      ['GET', '/api/v1/events'],
      ['POST', '/api/v1/agents/s1/kick'],
      ['GET', '/metrics'],
    ]) {
      const answer = await exchange(server.port, request(method, path, `Host: ${host}`, bearer));
      assert.match(answer, /^HTTP\/1\.1 403 [^]*CONTROL_DENIED/, `${host}${path}`);
      assert.ok(!answer.includes('s1'));
    }
  }
  const forwarded = ['Host: localhost', 'X-Forwarded-Host: rebind.evil', bearer];
  assert.match(
    await exchange(server.port, request('GET', '/api/v1/agents', ...forwarded)),
    /^HTTP\/1\.1 200 /,
  );
  const hidden = ['Host: rebind.evil', 'X-Forwarded-Host: localhost', bearer];
  assert.match(
    await exchange(server.port, request('GET', '/api/v1/agents', ...hidden)),
    /^HTTP\/1\.1 403 /,
  );
  const absolute = `GET http://localhost/api/v1/agents HTTP/1.1\r\nHost: rebind.evil\r\n${bearer}\r\n\r\n`;
  assert.match(await exchange(server.port, absolute), /^HTTP\/1\.1 400 /);
  assert.equal(await agents(server), 1);
});

test('T36: cross-site: no page makes the browser of an operator do anything', async (t) => {
  const server = await startWithAgent(t);
  const kick = '/api/v1/agents/s1/kick';
  const basic = `Authorization: Basic ${Buffer.from(`default:${testToken}`).toString('base64')}`;
  const host = `Host: localhost:${server.port}`;
  const attempts: [string, string[]][] = [
    [
      'a form',
      [
        'Origin: https://evil.test',
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: 0',
      ],
    ],
    [
      'a form of a frame in a sandbox',
      ['Origin: null', 'Content-Type: text/plain', 'Content-Length: 0'],
    ],
    ['a page of a service below the domain', [`Origin: http://web.localhost:${server.port}`]],
    ['a page of a service on the same host', [`Origin: http://localhost:${server.port}`]],
    ['a browser without Origin', ['Sec-Fetch-Site: cross-site']],
  ];
  for (const [who, fields] of attempts) {
    const answer = await exchange(server.port, request('POST', kick, host, basic, ...fields));
    assert.match(answer, /^HTTP\/1\.1 403 /, who);
    assert.doesNotMatch(answer, /access-control-allow/i, who);
  }
  const source = ['Origin: https://evil.test', 'Accept: text/event-stream'];
  const events = await exchange(
    server.port,
    request('GET', '/api/v1/events', host, basic, ...source),
  );
  assert.match(events, /^HTTP\/1\.1 403 /, 'an EventSource');
  const asked = await exchange(
    server.port,
    request('OPTIONS', kick, host, 'Origin: https://evil.test'),
  );
  assert.match(asked, /^HTTP\/1\.1 403 /, 'a preflight');
  assert.equal(await agents(server), 1);
});

test('T36: answers cannot be put into frames, guessed to be pages, or kept', async (t) => {
  const server = await startServer(t);
  for (const path of ['/api/v1/status', '/metrics', '/api/v1/nope']) {
    const answer = await exchange(server.port, request('GET', path, 'Host: localhost', bearer));
    assert.match(
      answer,
      /\r\ncontent-security-policy: default-src 'none'; frame-ancestors 'none'\r\n/i,
    );
    assert.match(answer, /\r\nx-content-type-options: nosniff\r\n/i);
    assert.match(answer, /\r\ncache-control: no-store\r\n/i);
  }
});

test('T40: guessing: after a few wrong credentials nothing is checked for a while, at any door', async (t) => {
  const server = await startServer(t);
  const guess = (i: number): string =>
    request('GET', '/api/v1/status', 'Host: localhost', `Authorization: Bearer sp_guess-${i}`);
  const answers: string[] = [];
  for (let i = 0; i < 3 * GUESSES_FREE; i++)
    answers.push((await exchange(server.port, guess(i))).slice(9, 12));
  assert.equal(answers.filter((status) => status === '401').length, GUESSES_FREE);
  assert.equal(answers.at(-1), '429');
  const right = await exchange(
    server.port,
    request('GET', '/api/v1/status', 'Host: localhost', bearer),
  );
  assert.match(right, /^HTTP\/1\.1 429 [^]*TOO_MANY_GUESSES/);
  assert.equal((await ask({ port: server.port, path: '/healthz' })).status, 200);
});

test('a body without end, and one that drips, cost their sender the connection and nobody memory', async (t) => {
  const server = await startServer(t);
  const kick = '/api/v1/agents/s1/kick';
  const json = 'Content-Type: application/json';
  const before = memoryOf(server.program.pid);
  const floods = Array.from({ length: 20 }, async () => {
    const socket = net.connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    let answer = '';
    socket.on('data', (piece: Buffer) => (answer += piece.toString('latin1')));
    socket.write(
      request('POST', kick, 'Host: localhost', bearer, json, 'Transfer-Encoding: chunked'),
    );
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    for (let sent = 0; sent < 4 * HTTP_LINGER_BYTES && !socket.destroyed; sent += chunk.length) {
      if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    }
    if (!socket.destroyed) await once(socket, 'close');
    return answer;
  });
  const answers = await Promise.all(floods);
  assert.ok(answers.every((answer) => answer === '' || answer.startsWith('HTTP/1.1 413 ')));
  const grown = memoryOf(server.program.pid) - before;
  assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes`);

  const announced = `Content-Length: ${CONTROL_BODY_MAX_BYTES * 1_000}`;
  const huge = await exchange(
    server.port,
    request('POST', kick, 'Host: localhost', bearer, json, announced),
  );
  assert.match(huge, /^HTTP\/1\.1 413 /, 'before a byte of it has come');

  // The whole body has a deadline: bytes that come now and then do not put it off.
  const slow = net.connect(server.port, '127.0.0.1');
  t.after(() => slow.destroy());
  let said = '';
  slow.on('data', (piece: Buffer) => (said += piece.toString('latin1')));
  slow.write(request('POST', kick, 'Host: localhost', bearer, json, 'Content-Length: 60000'));
  const drip = setInterval(() => slow.write('x'), 200);
  t.after(() => clearInterval(drip));
  const took = await until('it is cut off', () => said.startsWith('HTTP/1.1 408 '), 15_000);
  assert.ok(took > 5_000, `${took} ms`);
});

test('a body is not read for who has not said who it is', async (t) => {
  const server = await startServer(t);
  const waiting = request('POST', '/api/v1/drain', 'Host: localhost', 'Content-Length: 60000');
  assert.match(await exchange(server.port, waiting), /^HTTP\/1\.1 401 /);
  assert.equal((await ask({ port: server.port, path: '/readyz' })).status, 200);
});

test('paths have one spelling: none leads around the policy', async (t) => {
  const file = temporaryFile(
    t,
    'server.yaml',
    `token: ${testToken}
policy:
  - rules:
      - { name: reading, effect: allow, actions: [control], services: ['*.list', '*.read'] }
`,
  );
  const { code, out } = await runProgram(t, ['config', 'check', file]);
  assert.equal(code, 0, out);
  const server = await startServer(t, ['--config', file], { env: { SALLYPORT_TOKEN: undefined } });
  const status = async (method: string, path: string): Promise<string> =>
    (await exchange(server.port, request(method, path, 'Host: localhost', bearer))).slice(9, 12);
  assert.equal(await status('GET', '/api/v1/agents'), '200');
  assert.equal(await status('POST', '/api/v1/drain'), '403');
  for (const path of [
    '/api/v1//drain',
    '/api/v1/./drain',
    '/api/v1/x/../drain',
    '/api/v1/%64rain',
    '/API/v1/drain',
    '/api/v1/drain/',
    '/api/v1/drain;x',
    '/api/v1/agents/../drain',
  ])
    assert.match(await status('POST', path), /^40[034]$/, path);
  assert.equal((await ask({ port: server.port, path: '/readyz' })).status, 200);
});
