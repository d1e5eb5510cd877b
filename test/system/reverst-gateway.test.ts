/** Requests to clients of reverst: through the ingress, the process for QUIC, and HTTP/3 on the clients' connections. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import type { ServedExchange } from '../../src/compat/reverst/http3/request-stream.ts';
import { GROUP, ok, pong, startReverst, whole } from '../support/reverst-tunnels.ts';
import { until, within } from '../support/wait.ts';

const MB = 1024 * 1024;
/** Sends a body as the exchange takes it. */
function feed(exchange: ServedExchange, bytes: Buffer): { drained(): void } {
  let at = 0;
  const go = (): void => {
    while (at < bytes.length && exchange.writable) {
      exchange.body(bytes.subarray(at, (at += 16_384)));
      if (at >= bytes.length) exchange.end();
    }
  };
  go();
  return { drained: go };
}

describe('requests', () => {
  test('a request arrives as HTTP/3, its answer as HTTP/1.1', async (t) => {
    const { register, ask } = await startReverst(t);
    const heads: unknown[] = [];
    await register((exchange, head) => {
      heads.push([head.method, head.scheme, head.authority, head.path, head.contentLength]);
      heads.push(head.fields.filter(([name]) => name.startsWith('x-') || name === 'connection'));
      return pong(exchange, head);
    });
    const { status, text, headers } = await ask({ path: '/fo?o', headers: { 'X-Own': 'Value' } });
    assert.deepEqual([status, text, headers['content-length']], [200, 'PONG', '4']);
    assert.deepEqual(heads[0], ['GET', 'https', GROUP, '/fo?o', null]);
    const fields = new Map(heads[1] as [string, string][]);
    assert.equal(fields.get('x-own'), 'Value');
    assert.equal(fields.get('x-forwarded-for'), '127.0.0.1');
    assert.equal(fields.has('connection'), false);
  });

  test('10 MB go up and come back, in chunks and with a length', async (t) => {
    const { register, ask } = await startReverst(t);
    const sums: string[] = [];
    const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    await register((exchange, head) => {
      const pieces: Buffer[] = [];
      let out: { drained(): void } | null = null;
      return {
        body(bytes) {
          pieces.push(Buffer.from(bytes));
          exchange.credit(bytes.length);
        },
        ended() {
          const all = Buffer.concat(pieces);
          sums.push(sum(all));
          exchange.respond({ ...ok, contentLength: head.path === '/length' ? all.length : null });
          out = feed(exchange, all);
        },
        failed() {},
        drained: () => out?.drained(),
      };
    });
    const body = randomBytes(10 * MB);
    // It takes less than 2 s where nothing else wants the processor.
    const timeout = 60_000;
    const chunks = await ask({
      method: 'POST',
      path: '/chunks',
      headers: { 'Transfer-Encoding': 'chunked' },
      body,
      timeout,
    });
    const length = await ask({
      method: 'POST',
      path: '/length',
      headers: { 'Content-Length': body.length },
      body,
      timeout,
    });
    assert.deepEqual(sums, [sum(body), sum(body)]);
    for (const reply of [chunks, length]) assert.ok(reply.body.equals(body));
    assert.equal(chunks.headers['transfer-encoding'], 'chunked');
    assert.equal(length.headers['content-length'], String(body.length));
  });

  test('answers without a body: HEAD, 204, 304', async (t) => {
    const { register, ask } = await startReverst(t);
    await register(
      whole((exchange, _, path) => {
        const status = Number(path.slice(1));
        exchange.respond({ status, fields: [], contentLength: status === 204 ? null : 7 });
        exchange.end();
      }),
    );
    const head = await ask({ method: 'HEAD', path: '/200' });
    assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '7', '']);
    assert.deepEqual((await ask({ path: '/204' })).status, 204);
    assert.deepEqual((await ask({ path: '/304' })).status, 304);
  });

  test('interim answers and trailers pass', async (t) => {
    const { register, open } = await startReverst(t);
    await register(
      whole((exchange) => {
        exchange.interim({ status: 103, fields: [['link', '</s.css>']], contentLength: null });
        exchange.respond({ ...ok, fields: [['trailer', 'x-sum']] });
        exchange.body(Buffer.from('body'));
        exchange.end([['x-sum', '42']]);
      }),
    );
    const hints: unknown[] = [];
    const response = await open({
      headers: { TE: 'trailers' },
      information: ({ statusCode, headers }) => hints.push([statusCode, headers.link]),
    });
    let text = '';
    for await (const piece of response) text += piece;
    assert.deepEqual([text, response.trailers], ['body', { 'x-sum': '42' }]);
    assert.deepEqual(hints, [[103, '</s.css>']]);
  });

  test('who waits to be asked for a body is asked, by the client or in its place', async (t) => {
    const { register, ask } = await startReverst(t);
    const expected: (string | undefined)[] = [];
    await register((exchange, head) => {
      expected.push(head.fields.find(([name]) => name === 'expect')?.[1]);
      if (head.path === '/asks') exchange.interim({ status: 100, fields: [], contentLength: null });
      return pong(exchange, head);
    });
    for (const path of ['/asks', '/silent']) {
      let asked = 0;
      const headers = { Expect: '100-continue', 'Content-Length': 4 };
      const reply = await ask({
        method: 'POST',
        path,
        headers,
        body: 'body',
        proceed: () => void asked++,
      });
      assert.deepEqual([reply.text, asked], ['PONG', 1]);
    }
    assert.deepEqual(expected, ['100-continue', '100-continue']);
  });

  test('the first event of a stream is there before the second is sent', async (t) => {
    const { register, open } = await startReverst(t);
    const exchanges: ServedExchange[] = [];
    await register(
      whole((exchange) => {
        exchanges.push(exchange);
        exchange.respond({ ...ok, fields: [['content-type', 'text/event-stream']] });
        exchange.body(Buffer.from('data: 1\n\n'));
      }),
    );
    const response = await open();
    const iterator = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const first = await within(5_000, iterator.next());
    assert.equal(String(first.value), 'data: 1\n\n');
    exchanges[0].body(Buffer.from('data: 2\n\n'));
    exchanges[0].end();
    assert.equal(String((await iterator.next()).value), 'data: 2\n\n');
    assert.equal((await iterator.next()).done, true);
  });
});

describe('many at once', () => {
  test('200 requests in parallel to a client that allows 100 at once are all answered', async (t) => {
    const { register, ask } = await startReverst(t, { streamsMax: 100 });
    const held: (() => void)[] = [];
    let most = 0;
    let answered = 0;
    await register((exchange, head) => {
      const served = pong(exchange, head);
      return {
        ...served,
        ended(trailers) {
          held.push(() => {
            answered++;
            served.ended(trailers);
          });
          most = Math.max(most, held.length);
        },
      };
    });
    const asked = Promise.all(Array.from({ length: 200 }, () => ask({ timeout: 60_000 })));
    await until('as many as are allowed have come', () => held.length === 100);
    const pump = setInterval(() => held.splice(0, 10).forEach((answer) => answer()), 1);
    t.after(() => clearInterval(pump));
    const replies = await within(60_000, asked);
    assert.ok(replies.every(({ status, text }) => status === 200 && text === 'PONG'));
    assert.equal(answered, 200);
    assert.ok(most <= 100, `${most} at once`);
  });

  test('a reader that reads nothing stops its sender, and nobody else', async (t) => {
    const { register, ask, open } = await startReverst(t);
    let given = 0;
    await register((exchange, head) => {
      if (head.path !== '/endless') return pong(exchange, head);
      const more = (): void => {
        while (exchange.writable && given < 200 * MB) {
          given += 65_536;
          exchange.body(Buffer.alloc(65_536));
        }
      };
      return {
        body() {},
        ended() {
          exchange.respond(ok);
          more();
        },
        failed() {},
        drained: more,
      };
    });
    const stuck = await open({ path: '/endless', timeout: 60_000 });
    stuck.pause();
    let before = -1;
    await until('it gives no more', async () => {
      const same = given === before;
      before = given;
      assert.equal((await ask()).text, 'PONG');
      return same && given > 0;
    });
    assert.ok(given < 100 * MB, `${given} bytes were given`);
    stuck.destroy();
    assert.equal((await ask()).text, 'PONG');
  });
});
