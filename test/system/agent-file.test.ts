import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../support/wait.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { temporaryFile } from '../support/files.ts';
import { runProgram } from '../support/program.ts';
import { converse, freePort, startEcho } from '../support/tcp-targets.ts';
import {
  readRegistered,
  startClient,
  startServer,
  startService,
  testToken,
} from '../support/tunnel.ts';

test('one agent serves several services from a file, with its token from another', async (t) => {
  const origin = await startOrigin(t);
  const echo = await startEcho(t);
  const server = await startServer(t);
  const secret = temporaryFile(t, 'token', `${testToken}\n`);
  const file = temporaryFile(
    t,
    'agent.yaml',
    `server: ws://127.0.0.1:${server.port}
token: file:${secret}
services:
  - name: web
    http: ${origin.address}
    host: [www.example.test]
  - name: box
    tcp: ${echo.address}
    port: 0
`,
  );
  const options = { env: { SALLYPORT_TOKEN: undefined } };
  const agent = startClient(t, server, ['agent', '--config', file, '--json'], options);
  const box = await agent.line((line) => readRegistered(line, 'box'));
  await agent.line((line) => readRegistered(line, 'web'));
  assert.equal((await ask({ port: server.port, host: 'www.example.test' })).text, 'hello');
  assert.equal((await ask({ port: server.port, host: 'web.localhost' })).text, 'hello');
  assert.equal((await converse(box.port!, 'round trip')).toString(), 'round trip');
});

test('config check names the file, line and column of each mistake', async (t) => {
  const file = temporaryFile(
    t,
    'agent.yaml',
    `server: ws://127.0.0.1:1
services:
  - name: web
    htpt: 3000
  - name: 'not a name'
    tcp: 22
`,
  );
  const checked = await runProgram(t, ['config', 'check', file]);
  assert.equal(checked.code, 2);
  const said = checked.out + checked.err;
  assert.ok(said.includes(`${file}:4:5`), said);
  assert.match(said, /htpt.*http/s, 'the suggestion');
  assert.ok(said.includes(`${file}:5:`), said);
  const server = await startServer(t);
  const agent = startClient(t, server, ['agent', '--config', file]);
  assert.equal((await agent.ended()).code, 2);
});

test('an agent answers /healthz and /readyz, ready only while it is registered', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  const health = await freePort();
  const listen = ['--health-listen', `127.0.0.1:${health}`];
  await startService(t, server, ['http', origin.address, '--name', 'web', ...listen]);
  assert.equal((await ask({ port: health, path: '/healthz' })).status, 200);
  assert.equal((await ask({ port: health, path: '/readyz' })).status, 200);
  await server.program.end('SIGKILL');
  await until('it is not ready', async () => {
    const { status } = await ask({ port: health, path: '/readyz' });
    return status === 503;
  });
  assert.equal((await ask({ port: health, path: '/healthz' })).status, 200, 'and lives');
});
