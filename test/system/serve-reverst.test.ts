/** `serve` as a library call, with a group of reverst. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';
import { serve, type ReverstServeOptions } from '../../src/index.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { temporaryFile } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import {
  startPublicSide,
  startReverstServer,
  type ReverstTestServer,
} from '../support/reverst-server.ts';
import { until, within } from '../support/wait.ts';

const host = 'flipt.dev.local';

function optionsFor({ port, certificate }: ReverstTestServer) {
  return {
    quic: `127.0.0.1:${port}`,
    group: host,
    serverName: 'localhost',
    ca: certificate.cert,
    log: createLogger({ level: 'silent', format: 'json' }),
  } satisfies Partial<ReverstServeOptions>;
}

test('the example of serving a group answers, and ends when it is told to', async (t) => {
  const server = await startReverstServer(t);
  const ca = temporaryFile(t, 'ca.pem', server.certificate.cert);
  const example = path.resolve(import.meta.dirname, '../../examples/serve-reverst.ts');
  const child = spawn(process.execPath, [example, `127.0.0.1:${server.port}`, host, ca], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [said] = await within(20_000, once(child.stdout, 'data'));
  assert.equal(String(said), `serving ${host}\n`);
  const port = await startPublicSide(t, server);
  assert.equal((await ask({ port, host, path: '/fo' })).text, 'PONG from /fo\n');
  child.kill('SIGTERM');
  const [code] = await within(20_000, once(child, 'exit'));
  assert.equal(code, 0);
});

test('a handler serves the requests of the group until it is closed', async (t) => {
  const server = await startReverstServer(t);
  const served = await serve({
    ...optionsFor(server),
    auth: { token: 'some-token' },
    fetch: async (request) => new Response(`${request.url} ${await request.text()}`),
  });
  t.after(() => served.close());
  assert.equal(served.ready, true);
  assert.equal(server.requests[0].metadata.get('Authorization'), 'Bearer some-token');
  const port = await startPublicSide(t, server);
  const reply = await ask({ port, host, path: '/a?b', method: 'POST', body: 'ping' });
  assert.equal(reply.text, `http://${host}/a?b ping`);
  await within(10_000, served.close());
  assert.equal(served.ready, false);
  await until('the end has come', () => server.ends.length === 1);
});

test('a target serves them', async (t) => {
  const [server, origin] = [await startReverstServer(t), await startOrigin(t)];
  const served = await serve({ ...optionsFor(server), target: `http://${origin.address}` });
  t.after(() => served.close());
  const port = await startPublicSide(t, server);
  assert.equal((await ask({ port, host, path: '/whoami' })).text, 'origin');
});

test('wrong credentials reject, and so does a signal that fires while there is no group', async (t) => {
  let reason = 'unauthorized';
  const server = await startReverstServer(t, { verdict: () => ({ close: 0x2, reason }) });
  const options = { ...optionsFor(server), fetch: () => new Response() };
  await assert.rejects(serve(options), { code: 'AUTH_FAILED' });
  reason = 'not found';
  const stop = new AbortController();
  const waiting = serve({ ...options, signal: stop.signal });
  await until('it has asked', () => server.requests.length > 1);
  stop.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
});
