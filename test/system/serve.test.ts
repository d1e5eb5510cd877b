import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { Readable, Writable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { serve, type Served, type ServeOptions } from '../../src/index.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { ask, open } from '../support/http-client.ts';
import { startServer, testToken } from '../support/tunnel.ts';
import { until, within } from '../support/wait.ts';

const host = 'web.localhost';

interface Tunnel {
  readonly port: number;
  readonly served: Served;
  /** What its log says. */
  log(): string;
}

async function tunnel(
  t: TestContext,
  fetch: ServeOptions['fetch'],
  options: Partial<ServeOptions> = {},
): Promise<Tunnel> {
  const server = await startServer(t);
  const { log, text } = notedLog();
  const served = await serve({
    server: `ws://127.0.0.1:${server.port}`,
    token: testToken,
    name: 'web',
    fetch,
    log,
    drainGraceMs: 30_000,
    ...options,
  });
  t.after(() => served.close());
  return { port: server.port, served, log: text };
}

function notedLog() {
  const pieces: string[] = [];
  const stream = new Writable({
    write(piece: Buffer, _encoding, done) {
      pieces.push(String(piece));
      done();
    },
  });
  return {
    log: createLogger({ level: 'info', format: 'json', stream }),
    text: () => pieces.join(''),
  };
}

test('the example of serving answers its own question, and ends by itself', async () => {
  const example = path.resolve(import.meta.dirname, '../../examples/serve.ts');
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [example], {
    timeout: 20_000,
  });
  assert.equal(stdout, 'hello world at /door\n');
  assert.equal(stderr, '', 'nothing went wrong on the way');
});

test('a consumer’s request is answered by the handler, with the URL that the consumer asked', async (t) => {
  const { port, served } = await tunnel(t, (request) => Response.json([request.url]), {
    hosts: ['shop.example.com'],
  });
  assert.ok(served.ready);
  assert.ok(served.urls.some((url) => url.startsWith('http://shop.example.com')));
  const reply = await ask({ port, host: 'shop.example.com', path: '/a?b=c' });
  assert.deepEqual(JSON.parse(reply.text), ['http://shop.example.com/a?b=c']);
});

test('32 MB go up and come back while they go, each byte as it was', async (t) => {
  const { port } = await tunnel(t, (request) => new Response(request.body));
  const sent = createHash('sha256');
  const piece = Buffer.alloc(64 * 1024, 'all bytes are pieces');
  const pieces = function* (): Generator<Buffer> {
    for (let i = 0; i < 512; i++) {
      const numbered = Buffer.from(piece);
      numbered.writeUInt32BE(i);
      sent.update(numbered);
      yield numbered;
    }
  };
  const body = Readable.from(pieces());
  const reply = await ask({ port, host, method: 'POST', body, timeout: 60_000 });
  assert.equal(reply.body.length, 512 * piece.length);
  assert.deepEqual(createHash('sha256').update(reply.body).digest(), sent.digest());
});

test('an event of a stream arrives at once, and the signal tells that its reader has left', async (t) => {
  const asked = Promise.withResolvers<AbortSignal>();
  const { port } = await tunnel(t, (request) => {
    asked.resolve(request.signal);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from('data: 1\n\n')),
    });
    return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
  });
  const response = await open({ port, host });
  const [piece] = await within(5_000, once(response, 'data'));
  assert.equal(String(piece), 'data: 1\n\n');
  const signal = await asked.promise;
  assert.equal(signal.aborted, false);
  response.on('error', () => {}).socket.resetAndDestroy();
  await until('the signal fires', () => signal.aborted);
});

test('a reader that reads nothing makes the handler wait', async (t) => {
  let pulls = 0;
  const most = 2_000;
  const piece = Buffer.alloc(64 * 1024);
  const { port } = await tunnel(t, () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(piece);
        if (++pulls === most) controller.close();
      },
    });
    return new Response(body);
  });
  const response = await open({ port, host });
  let last = -1;
  let still = 0;
  await until('nothing is pulled any more', () => {
    still = pulls === last ? still + 1 : 0;
    last = pulls;
    return still === 20;
  });
  assert.ok(pulls < most / 2, `${pulls} of ${most} pieces were pulled for nobody`);
  response.on('error', () => {}).destroy();
});

test('what the handler throws is a plain 500 outside, and whole in the log', async (t) => {
  const { port, log } = await tunnel(t, () => assert.fail('the secret of the house'));
  const reply = await ask({ port, host });
  assert.equal(reply.status, 500);
  assert.equal(reply.text, 'Internal Server Error\n');
  await until('the log tells', () => log().includes('the secret of the house'));
});

test('it asks for a password where it has one', async (t) => {
  const { port } = await tunnel(t, () => new Response('in'), { auth: 'ann:secret' });
  assert.equal((await ask({ port, host })).status, 401);
  const headers = { authorization: `Basic ${btoa('ann:secret')}` };
  assert.equal((await ask({ port, host, headers })).text, 'in');
});

test('close lets a running request finish, and then nobody serves', async (t) => {
  const go = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const { port, served } = await tunnel(t, async ({ url }) => {
    if (url.endsWith('/quick')) return new Response('at once');
    asked.resolve();
    await go.promise;
    return new Response('finished');
  });
  // Consumers that stay connected must not hold it up.
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  assert.equal((await ask({ port, host, path: '/quick', agent })).text, 'at once');
  const idle = new http.Agent({ keepAlive: true });
  t.after(() => idle.destroy());
  assert.equal((await ask({ port, host, path: '/quick', agent: idle })).text, 'at once');
  const running = ask({ port, host, agent });
  await within(5_000, asked.promise);
  const closing = served.close();
  go.resolve();
  assert.equal((await running).text, 'finished');
  await within(5_000, closing);
  assert.equal(served.ready, false);
  assert.equal((await ask({ port, host })).status, 503);
});

test('a wrong token rejects, and so does a signal that fires while there is no server', async (t) => {
  const server = await startServer(t);
  const { log } = notedLog();
  const options = { name: 'web', fetch: () => new Response(), log };
  const url = `ws://127.0.0.1:${server.port}`;
  await assert.rejects(serve({ ...options, server: url, token: 'sp_wrong' }), {
    code: 'AUTH_FAILED',
  });
  await server.program.end();
  const stop = new AbortController();
  const waiting = serve({ ...options, server: url, token: testToken, signal: stop.signal });
  stop.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
});
