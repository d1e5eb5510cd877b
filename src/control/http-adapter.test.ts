import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { playIngress, type Client } from '../../test/support/http-ingress.ts';
import { until } from '../../test/support/wait.ts';
import { SallyportError } from '../errors.ts';
import { CONTROL_BODY_MAX_BYTES, CONTROL_REQUESTS_MAX, HTTP_LINGER_BYTES } from '../limits.ts';
import type { Answer, HttpAdapterOptions } from './answer.ts';
import { createHttpAdapter } from './http-adapter.ts';

/** Tells what it got. */
const echo: Answer = async (request) =>
  Response.json({
    method: request.method,
    url: request.url,
    cookie: request.headers.get('cookie'),
    body: await request.text(),
  });

async function open(
  t: TestContext,
  answer: Answer = echo,
  options: Partial<HttpAdapterOptions> = {},
) {
  const defects: SallyportError[] = [];
  const adapter = createHttpAdapter({
    newId: () => 'r1',
    defect: (error) => void defects.push(error),
    tickMs: 5,
    ...options,
  });
  t.after(() => adapter.close());
  const own = { find: adapter.takeover };
  const played = await playIngress(t, {
    own: { find: (view) => own.find(view, answer).takeover },
  });
  const send = async (text: string): Promise<Client> => (await played.connect()).send(text);
  return { adapter, defects, send, connect: () => played.connect() };
}

const post = (fields: string, body: string): string =>
  `POST /api/v1/x?a=b HTTP/1.1\r\nHost: Own.test:8080\r\nCookie: a\r\nCookie: b\r\n${fields}\r\n${body}`;
const get = 'GET /x HTTP/1.1\r\nHost: own.test\r\n\r\n';

const statusOf = async (client: Client): Promise<number> =>
  Number((await client.until((text) => text.includes('\r\n\r\n'))).slice(9, 12));

describe('a request', () => {
  const whole = (body: string): object => ({
    method: 'POST',
    url: 'http://own.test/api/v1/x?a=b',
    cookie: 'a; b',
    body,
  });

  test('has its head and its body by length, and is the only one of its connection', async (t) => {
    const { send } = await open(t);
    const client = await send(`${post('Content-Length: 5\r\n', 'hello')}${get}`);
    const [head, body] = (await client.untilEnd()).split('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 200 OK\r\nDate: [^]*\r\nConnection: close\r\n/);
    assert.match(head, new RegExp(`\r\nContent-Length: ${body.length}$`));
    assert.deepEqual(JSON.parse(body), whole('hello'));
  });

  test('has its body by chunks, in however many pieces they come', async (t) => {
    const { connect } = await open(t);
    const client = await connect();
    const text = post('Transfer-Encoding: chunked\r\n', '3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n');
    for (const byte of text) client.send(byte);
    const [, body] = (await client.untilEnd()).split('\r\n\r\n');
    assert.deepEqual(JSON.parse(body), whole('hello'));
  });

  test('is told to go on where it waits for that', async (t) => {
    const { send } = await open(t);
    const client = await send(post('Expect: 100-continue\r\nContent-Length: 2\r\n', ''));
    await client.until((text) => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
    client.send('ok');
    assert.match(await client.untilEnd(), /"body":"ok"/);
  });

  test('HEAD gets the head of the answer only', async (t) => {
    const { send } = await open(t);
    const text = await (await send(get.replace('GET', 'HEAD'))).untilEnd();
    assert.match(text, /^HTTP\/1\.1 200 [^]*\r\nContent-Length: \d\d[^]*\r\n\r\n$/);
  });
});

describe('refused, and the connection is closed', () => {
  const long = 'x'.repeat(CONTROL_BODY_MAX_BYTES);
  const cases: [string, string, number][] = [
    [
      'a body too long by its length',
      post(`Content-Length: ${CONTROL_BODY_MAX_BYTES + 1}\r\n`, ''),
      413,
    ],
    [
      'a body too long by its chunks',
      post('Transfer-Encoding: chunked\r\n', `ffffff\r\n${long}x`),
      413,
    ],
    ['a body that is broken', post('Transfer-Encoding: chunked\r\n', 'zz\r\n'), 400],
    ['a GET with a body', get.replace('\r\n\r\n', '\r\nContent-Length: 1\r\n\r\nx'), 400],
    ['a path with another spelling', get.replace('/x', '/a/../x'), 404],
    ['a path with an escaped dot', get.replace('/x', '/%2e%2e/x'), 404],
    ['a method that cannot be', get.replace('GET', 'OPTIONS'), 404],
  ];
  for (const [what, text, status] of cases) {
    test(what, async (t) => {
      const { send, adapter } = await open(t);
      const client = await send(text);
      assert.equal(await statusOf(client), status);
      client.socket.destroy();
      await until('it is over', () => adapter.active === 0);
    });
  }

  test('the longest body is taken', async (t) => {
    const { send } = await open(t);
    const client = await send(post(`Content-Length: ${CONTROL_BODY_MAX_BYTES}\r\n`, long));
    assert.equal(await statusOf(client), 200);
  });

  test('a body that does not come', async (t) => {
    const { send } = await open(t, echo, { bodyTimeoutMs: 20 });
    const client = await send(post('Content-Length: 5\r\n', 'hell'));
    assert.equal(await statusOf(client), 408);
  });

  test(`the request after ${CONTROL_REQUESTS_MAX} that go on`, async (t) => {
    const { send, adapter } = await open(t, () => new Promise(() => {}));
    await Promise.all(Array.from({ length: CONTROL_REQUESTS_MAX }, () => send(get)));
    await until('they are under way', () => adapter.active === CONTROL_REQUESTS_MAX);
    const client = await send(get);
    assert.equal(await statusOf(client), 503);
  });
});

test('what an answer throws is the answer; what nobody foresaw is told to the log only', async (t) => {
  const { send, defects } = await open(t, () => {
    throw new SallyportError('CONTROL_UNKNOWN', 'control: \u001b[31mno\r\nsuch thing');
  });
  const text = await (await send(get)).untilEnd();
  const { error } = JSON.parse(text.split('\r\n\r\n')[1]) as { error: Record<string, string> };
  assert.deepEqual(
    [error.code, error.message, error.requestId],
    ['CONTROL_UNKNOWN', 'control: \\u{1b}[31mno\\u{d}\nsuch thing', 'r1'],
  );
  assert.equal(defects.length, 0);

  const broken = await open(t, () => Promise.reject(new Error('a secret')));
  const said = await (await broken.send(get)).untilEnd();
  assert.match(said, /^HTTP\/1\.1 500 /);
  assert.ok(!said.includes('a secret'));
  assert.equal(broken.defects[0].message, 'unexpected failure: a secret');
});

describe('an event stream', () => {
  /** An answer that never ends, and how many pieces of 100 KB were taken from it. */
  function endless(first = 'data: 1\n\n') {
    const state = { pulled: 0, cancelled: false };
    const answer: Answer = () => {
      const stream = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(Buffer.from(first)),
        pull(controller) {
          state.pulled++;
          if (first === '') controller.enqueue(new Uint8Array(100_000));
        },
        cancel: () => void (state.cancelled = true),
      });
      return new Response(stream, { headers: { 'Content-Type': 'text/event-stream' } });
    };
    return { state, answer };
  }

  test('goes out as it comes, without a length, until its client leaves', async (t) => {
    const { state, answer } = endless();
    const { send, adapter } = await open(t, answer);
    const client = await send(get);
    const text = await client.until((all) => all.endsWith('data: 1\n\n'));
    assert.doesNotMatch(text, /content-length|transfer-encoding/i);
    client.socket.destroy();
    await until('the source is told', () => state.cancelled);
    assert.equal(adapter.active, 0);
  });

  test('a client that ends its direction has left', async (t) => {
    const { state, answer } = endless();
    const { send } = await open(t, answer);
    const client = await send(get);
    await client.until((text) => text.includes('data: 1'));
    client.socket.end();
    await client.untilClosed();
    assert.ok(state.cancelled);
  });

  test('a client that reads nothing stops its source, and is cut off in the end', async (t) => {
    const { state, answer } = endless('');
    const { send, adapter } = await open(t, answer, { stallMs: 500 });
    const client = await send(get);
    client.socket.pause();
    await until('it is cut off', () => adapter.active === 0 && state.cancelled);
    assert.ok(state.pulled < 200, `${state.pulled} pieces were taken for nobody`);
  });

  test('ends with the adapter', async (t) => {
    const { state, answer } = endless();
    const { send, adapter } = await open(t, answer);
    const client = await send(get);
    await client.until((text) => text.includes('data: 1'));
    adapter.close();
    await client.untilEnd();
    await until('the source is told', () => state.cancelled);
  });
});

test('who is answering learns that the client has left', async (t) => {
  let signal: AbortSignal | null = null;
  const { send } = await open(t, (request) => {
    signal = request.signal;
    return new Promise(() => {});
  });
  const client = await send(get);
  await until('it is asked', () => signal !== null);
  client.socket.resetAndDestroy();
  await until('it is told', () => signal!.aborted);
});

test('a client that sends on behind its request is cut off', async (t) => {
  const { send, adapter } = await open(t, () => new Promise(() => {}));
  const client = await send(get);
  client.send('x'.repeat(2 * HTTP_LINGER_BYTES));
  await client.untilEnd();
  assert.equal(adapter.active, 0);
});

test('a large answer goes no faster than its client reads, and arrives whole', async (t) => {
  const body = 'y'.repeat(3_000_000);
  const { send } = await open(t, () => new Response(body));
  const client = await send(get);
  client.socket.pause();
  await new Promise((resolve) => setImmediate(resolve));
  client.socket.resume();
  const text = await client.untilEnd();
  assert.equal(text.slice(text.indexOf('\r\n\r\n') + 4).length, body.length);
});
