import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ask, exchange } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { temporaryFile } from '../support/files.ts';
import { freePort } from '../support/tcp-targets.ts';
import { startClient, startServer, startService, testToken } from '../support/tunnel.ts';

const canaries = {
  token: testToken,
  wrongToken: 'sp_canary-of-a-wrong-token-00',
  rendezvous: 'canary-of-a-rendezvous-00',
  password: 'canary-of-a-password',
  cookie: 'canary-of-a-cookie',
  bearer: 'canary-of-a-bearer',
  proxy: 'canary-of-a-proxy-credential',
};

test('no secret in any output, error page or argument list', async (t) => {
  const origin = await startOrigin(t);
  const dead = await freePort();
  const secret = temporaryFile(t, 'token', testToken);
  const flags = ['--token-file', secret, '--log-level', 'debug'];
  const server = await startServer(t, flags, { env: { SALLYPORT_TOKEN: undefined } });
  const { port } = server;
  const hidden = {
    env: {
      SALLYPORT_RENDEZVOUS_TOKEN: canaries.rendezvous,
      SALLYPORT_AUTH: `ann:${canaries.password}`,
    },
  };
  const debug = ['--log-level', 'debug'];
  const web = await startService(
    t,
    server,
    ['http', origin.address, '--name', 'web', ...debug],
    hidden,
  );
  const down = await startService(t, server, ['http', String(dead), '--name', 'down', ...debug]);
  const wrong = startClient(t, server, ['http', origin.address, '--name', 'x', ...debug], {
    env: { SALLYPORT_TOKEN: canaries.wrongToken },
  });
  await wrong.ended();

  const pages: string[] = [];
  const headers = {
    cookie: `session=${canaries.cookie}`,
    'proxy-authorization': `Basic ${canaries.proxy}`,
    authorization: `Bearer ${canaries.bearer}`,
  };
  for (const host of ['web.localhost', 'down.localhost', 'nobody.localhost']) {
    pages.push((await ask({ port, host, headers })).text);
  }
  pages.push((await ask({ port, path: `/_token/${canaries.rendezvous}/status/500` })).text);
  pages.push((await ask({ port, headers: { ...headers, 'x-token': canaries.rendezvous } })).text);
  pages.push((await ask({ port, path: `/_token/${canaries.rendezvous}x` })).text);
  pages.push(
    await exchange(
      port,
      `GET /_token/${canaries.rendezvous}/ HTTP/1.1\r\nBad Header: ${canaries.bearer}\r\n\r\n`,
    ),
  );
  pages.push(
    await exchange(port, `GET / HTTP/1.1\r\nHost: x\r\nCookie: ${canaries.cookie}\x01\r\n\r\n`),
  );
  await web.program.end('SIGTERM');

  const outputs: Record<string, string> = { pages: pages.join('\n') };
  for (const [name, program] of Object.entries({
    server: server.program,
    web: web.program,
    down: down.program,
    wrong,
  })) {
    outputs[`${name} stdout`] = program.out();
    outputs[`${name} stderr`] = program.err();
  }
  if (process.platform === 'linux') {
    outputs['arguments'] = readFileSync(`/proc/${server.program.pid}/cmdline`, 'utf8');
  }
  for (const [place, text] of Object.entries(outputs)) {
    for (const [what, canary] of Object.entries(canaries)) {
      assert.ok(!text.includes(canary), `the ${what} stands in ${place}:\n${text}`);
    }
  }
  assert.match(server.program.err(), /web\.localhost|"web"/, 'the requests were logged');
});

test('names and paths cannot forge a log line', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  await startService(t, server, ['http', origin.address, '--name', 'web']);
  const { port } = server;
  await ask({ port, host: 'web.localhost', path: '/%0d%0a{"level":50,"forged":1}' });
  await exchange(port, 'GET /\x1b[31mred HTTP/1.1\r\nHost: web.localhost\r\n\r\n');
  await exchange(
    port,
    `GET / HTTP/1.1\r\nHost: ${'w'.repeat(10_000)}\r\nConnection: close\r\n\r\n`,
  );
  await server.program.end('SIGTERM');
  const lines = server.program
    .err()
    .split('\n')
    .filter((line) => line !== '');
  assert.ok(lines.length > 0);
  for (const line of lines) {
    const parsed = JSON.parse(line) as Record<string, unknown>;
    assert.ok(!('forged' in parsed), line);
    // eslint-disable-next-line no-control-regex -- the control characters are what is looked for
    assert.doesNotMatch(line, /[\x00-\x1f\x7f]/);
    assert.ok(line.length < 4_096, `a line of ${line.length} characters`);
  }
});
