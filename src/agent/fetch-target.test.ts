import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import { exchange } from '../../test/support/http-client.ts';
import { until, within } from '../../test/support/wait.ts';
import { FETCH_BODY_AHEAD_BYTES, FETCH_HEAD_MAX_BYTES, HTTP_HEAD_MAX_BYTES } from '../limits.ts';
import { createFetchTarget, type FetchHandler } from './fetch-target.ts';

interface Front {
  readonly port: number;
  readonly failures: unknown[];
  ask(options?: http.RequestOptions): http.ClientRequest;
  /** The answer to a request, whose body is `body` where there is one. */
  answer(options?: http.RequestOptions, body?: Buffer | string): Promise<http.IncomingMessage>;
}

/** Connections of a port, served by the handler; requests to it share one connection. */
async function front(t: TestContext, handler: FetchHandler): Promise<Front> {
  const failures: unknown[] = [];
  const target = createFetchTarget(handler, (error) => void failures.push(error));
  const server = net.createServer((socket) => target.take(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => {
    agent.destroy();
    server.close();
  });
  const ask = (options: http.RequestOptions = {}): http.ClientRequest =>
    http.request({ host: '127.0.0.1', port, agent, ...options });
  return {
    port,
    failures,
    ask,
    async answer(options, body) {
      const request = ask(options).end(body);
      const [response] = await within(5_000, once(request, 'response'));
      return response as http.IncomingMessage;
    },
  };
}

test('the request is what was sent: method, URL, fields in their order, body', async (t) => {
  const { answer } = await front(t, async (request) => {
    const { method, url, headers } = request;
    const twice = headers.get('X-Twice');
    return Response.json({ method, url, twice, body: await request.text() });
  });
  const headers = { Host: 'web.test', 'X-Twice': ['a', 'b'], 'X-Forwarded-Proto': 'https' };
  const response = await answer({ method: 'PUT', path: '//odd/path?q=1', headers }, 'words');
  assert.equal(response.headers['content-type'], 'application/json');
  assert.deepEqual(JSON.parse(await text(response)), {
    method: 'PUT',
    url: 'https://web.test//odd/path?q=1',
    twice: 'a, b',
    body: 'words',
  });
});

test('status, reason and each cookie arrive; fields of another connection do not', async (t) => {
  const { answer } = await front(t, () => {
    const headers = new Headers({ 'Transfer-Encoding': 'gzip', 'Keep-Alive': 'timeout=99' });
    headers.append('Set-Cookie', 'a=1');
    headers.append('Set-Cookie', 'b=2');
    return new Response('made', { status: 201, statusText: 'Made It', headers });
  });
  const response = await answer();
  assert.equal(response.statusCode, 201);
  assert.equal(response.statusMessage, 'Made It');
  assert.deepEqual(response.headers['set-cookie'], ['a=1', 'b=2']);
  assert.equal(response.headers['transfer-encoding'], 'chunked');
  assert.notEqual(response.headers['keep-alive'], 'timeout=99');
  assert.equal(await text(response), 'made');
});

test('HEAD, 204 and 304 have no body, and the connection serves on', async (t) => {
  const { ask, failures } = await front(t, (request) =>
    request.method === 'HEAD'
      ? new Response('never sent', { headers: { 'Content-Length': '10' } })
      : new Response(null, { status: request.url.endsWith('/none') ? 204 : 304 }),
  );
  const connections = new Set<unknown>();
  for (const [method, path, status, length] of [
    ['HEAD', '/', 200, '10'],
    ['GET', '/none', 204, undefined],
    ['GET', '/same', 304, undefined],
  ] as const) {
    const request = ask({ method, path }).end();
    const [response] = (await within(5_000, once(request, 'response'))) as [http.IncomingMessage];
    assert.equal(response.statusCode, status);
    assert.equal(response.headers['content-length'], length);
    assert.equal(await text(response), '');
    connections.add(request.socket);
  }
  assert.equal(connections.size, 1);
  assert.deepEqual(failures, []);
});

describe('a request that is no Request is answered 400', () => {
  const never: FetchHandler = () => assert.fail('was asked');
  for (const [what, bytes] of [
    ['TRACE', 'TRACE / HTTP/1.1\r\nHost: web\r\n'],
    ['a target that is no path', 'OPTIONS * HTTP/1.1\r\nHost: web\r\n'],
    ['a whole URL', 'GET http://other/ HTTP/1.1\r\nHost: web\r\n'],
    ['a host that is none', 'POST / HTTP/1.1\r\nHost: a b\r\nContent-Length: 0\r\n'],
  ]) {
    test(what, async (t) => {
      const { port } = await front(t, never);
      const heard = await exchange(port, `${bytes}Connection: close\r\n\r\n`);
      assert.match(heard, /^HTTP\/1\.1 400 Bad Request\r\n/);
    });
  }
});

test('a head as long as the ingress lets pass is taken, one beyond the limit is not', async (t) => {
  const { port } = await front(t, ({ headers }) => new Response(String(headers.get('X')!.length)));
  const head = (n: number): string =>
    `GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\nX: ${'x'.repeat(n)}\r\n\r\n`;
  assert.match(await exchange(port, head(HTTP_HEAD_MAX_BYTES)), new RegExp(`${2 ** 15}`));
  assert.match(await exchange(port, head(FETCH_HEAD_MAX_BYTES)), /^HTTP\/1\.1 431 /);
});

for (const [what, handler] of [
  ['throws', () => assert.fail('secret detail')],
  ['rejects', () => Promise.reject(new Error('secret detail'))],
  ['returns nothing', () => undefined as never],
  ['returns an error response', () => Response.error()],
] satisfies [string, FetchHandler][]) {
  test(`a handler that ${what}: 500 without details, and its owner is told`, async (t) => {
    const { answer, failures } = await front(t, handler);
    const response = await answer();
    assert.equal(response.statusCode, 500);
    assert.equal(await text(response), 'Internal Server Error\n');
    assert.equal(failures.length, 1);
  });
}

test('a response body that fails breaks the connection off: half a body is no whole one', async (t) => {
  const { answer, failures } = await front(t, () => {
    let pulls = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulls++ > 0) throw new Error('the source is gone');
        controller.enqueue(Buffer.from('first half'));
      },
    });
    return new Response(body);
  });
  const response = await answer();
  await assert.rejects(text(response), { code: 'ECONNRESET' });
  assert.match(String(failures[0]), /the source is gone/);
});

test('a body of another length than its Content-Length breaks the connection off', async (t) => {
  const { answer, failures } = await front(
    t,
    () => new Response('much too long', { headers: { 'Content-Length': '4' } }),
  );
  const response = await answer();
  await assert.rejects(text(response), { code: 'ECONNRESET' });
  assert.equal(failures.length, 1);
});

test('the head and each piece of a response leave at once', async (t) => {
  let feed!: ReadableStreamDefaultController<Uint8Array>;
  const { answer } = await front(
    t,
    () => new Response(new ReadableStream({ start: (controller) => void (feed = controller) })),
  );
  const response = await answer();
  for (const word of ['one', 'two']) {
    feed.enqueue(Buffer.from(word));
    const [piece] = await within(5_000, once(response, 'data'));
    assert.equal(String(piece), word);
  }
  feed.close();
  await within(5_000, once(response, 'end'));
});

test('a response is not pulled faster than it is read', async (t) => {
  let pulls = 0;
  const { answer } = await front(t, () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(piece);
        if (++pulls === PIECES) controller.close();
      },
    });
    return new Response(body);
  });
  const response = await answer();
  await settled(() => pulls);
  assert.ok(pulls < PIECES / 2, `${pulls} pieces were pulled for nobody`);
  assert.equal((await buffer(response)).length, PIECES * piece.length);
});

test('a request body is taken no faster than the handler reads it', async (t) => {
  const start = Promise.withResolvers<void>();
  const { ask } = await front(t, async (request) => {
    await start.promise;
    let length = 0;
    for await (const bytes of request.body!) length += bytes.length;
    return new Response(String(length));
  });
  let sent = 0;
  const pieces = function* (): Generator<Buffer> {
    for (; sent < PIECES; sent++) yield piece;
  };
  const request = ask({ method: 'POST' });
  Readable.from(pieces()).pipe(request);
  await settled(() => sent);
  assert.ok(sent < PIECES / 2, `${sent} pieces were taken by nobody`);
  start.resolve();
  const [response] = await within(10_000, once(request, 'response'));
  assert.equal(await text(response as http.IncomingMessage), String(PIECES * piece.length));
});

for (const [what, leave] of [
  ['cancels', (request: Request) => request.body!.cancel()],
  ['never touches', () => {}],
] satisfies [string, (request: Request) => unknown][]) {
  test(`a handler that ${what} the request body still answers, and the next request too`, async (t) => {
    const { answer } = await front(t, async (request) => {
      await leave(request);
      return new Response('no, thanks', { status: 413 });
    });
    for (let turn = 0; turn < 2; turn++) {
      const response = await answer({ method: 'POST' }, Buffer.alloc(4 * FETCH_BODY_AHEAD_BYTES));
      assert.equal(response.statusCode, 413);
      assert.equal(await text(response), 'no, thanks');
    }
  });
}

test('the signal fires when the consumer leaves, and that is nobody’s failure', async (t) => {
  const asked = Promise.withResolvers<Request>();
  const { ask, failures } = await front(t, (request) => {
    asked.resolve(request);
    return new Promise((_resolve, reject) => {
      request.signal.addEventListener('abort', () => reject(new Error('left')));
    });
  });
  const request = ask();
  request.on('error', () => {}).end();
  const { signal } = await within(5_000, asked.promise);
  assert.equal(signal.aborted, false);
  request.destroy();
  await within(5_000, once(signal, 'abort'));
  await settled(() => failures.length);
  assert.deepEqual(failures, []);
});

test('a request body that breaks off fails where it is read', async (t) => {
  const asked = Promise.withResolvers<void>();
  const read = Promise.withResolvers<unknown>();
  const { ask, failures } = await front(t, async (request) => {
    asked.resolve();
    await request.text().catch(read.resolve);
    return new Response('too late');
  });
  const request = ask({ method: 'POST' });
  request.on('error', () => {}).write('half');
  await within(5_000, asked.promise);
  request.destroy();
  assert.match(String(await within(5_000, read.promise)), /broke off/);
  await settled(() => failures.length);
  assert.deepEqual(failures, []);
});

/** More than the buffers of the kernel take. */
const PIECES = 1_000;
const piece = Buffer.alloc(64 * 1024);

/** Waits until a count has not grown for a while. */
async function settled(count: () => number): Promise<void> {
  let last = count();
  let still = 0;
  await until('nothing moves any more', () => {
    still = count() === last ? still + 1 : 0;
    last = count();
    return still === 10;
  });
}
