import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { noiseBytes } from '../support/noise.ts';
import { startTinyproxy } from '../support/tinyproxy.ts';
import { startClient, startServer, startService } from '../support/tunnel.ts';

const host = 'web.localhost';

test('tinyproxy with a login: a service and its bodies both ways', async (t) => {
  const server = await startServer(t);
  const proxy = await startTinyproxy(t, server.port);
  const origin = await startOrigin(t);
  await startService(t, server, ['http', String(origin.port), '--name', 'web'], {
    env: { http_proxy: `http://ann:hunter2@127.0.0.1:${proxy}` },
  });
  const body = noiseBytes(5_000_000);
  const reply = await ask({ port: server.port, host, path: '/echo', method: 'POST', body });
  assert.equal(reply.status, 200);
  assert.ok(reply.body.equals(body));
});

test('tinyproxy: a wrong login, and a port that it does not connect to', async (t) => {
  const server = await startServer(t);
  const cases = [
    { port: server.port, login: 'ann:wrong', code: 'PROXY_AUTH', exit: 3 },
    { port: server.port, login: '', code: 'PROXY_AUTH', exit: 3 },
    { port: 9, login: 'ann:hunter2', code: 'PROXY_REFUSED', exit: 5 },
  ];
  for (const { port, login, code, exit } of cases) {
    const proxy = await startTinyproxy(t, port);
    const url = `http://${login === '' ? '' : `${login}@`}127.0.0.1:${proxy}`;
    const words = ['connect', 'box', '--proxy', url];
    const program = startClient(t, server, words);
    program.stdin.end();
    assert.equal((await program.ended()).code, exit);
    assert.match(program.err(), new RegExp(code));
    assert.doesNotMatch(program.err(), /hunter2|wrong@/);
  }
});
