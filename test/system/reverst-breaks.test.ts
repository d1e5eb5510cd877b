/** Requests to clients of reverst that do not come to their end: who hears of it, and who does not. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import type { ServedExchange } from '../../src/compat/reverst/http3/request-stream.ts';
import { GROUP, ok, pong, startReverst, whole } from '../support/reverst-tunnels.ts';
import { until, within } from '../support/wait.ts';

describe('what breaks off', () => {
  test('a consumer that leaves cancels its exchange; the client goes on', async (t) => {
    const { register, ask, open } = await startReverst(t);
    const failures: string[] = [];
    await register((exchange, head) =>
      head.path === '/'
        ? pong(exchange, head)
        : {
            body() {},
            ended() {
              exchange.respond(ok);
              exchange.body(Buffer.from('first'));
            },
            failed: (error) => void failures.push(error.message),
            drained() {},
          },
    );
    const response = await open({ path: '/endless' });
    response.once('error', () => {});
    await within(5_000, response[Symbol.asyncIterator]().next());
    response.destroy();
    await until('the client is told', () => failures.length === 1);
    assert.match(failures[0], /H3_REQUEST_CANCELLED/);
    assert.equal((await ask()).text, 'PONG');
  });

  test('a client that breaks one exchange off keeps its tunnel: 502, or a body cut off', async (t) => {
    const { register, ask, open, tunnels } = await startReverst(t);
    let asked = 0;
    const half = Promise.withResolvers<ServedExchange>();
    await register((exchange, head) => {
      asked++;
      if (head.path === '/') return pong(exchange, head);
      return whole(() => {
        if (head.path === '/early') return exchange.cancel();
        exchange.respond({ ...ok, contentLength: 100 });
        exchange.body(Buffer.from('beginning'));
        half.resolve(exchange);
      })(exchange, head);
    });
    const early = await ask({ method: 'POST', path: '/early', body: 'x' });
    assert.equal(early.status, 502);
    const late = (await open({ path: '/late' }))[Symbol.asyncIterator]();
    // A reset may overtake what was sent before it: only what has come is sure to have come.
    assert.equal(String((await late.next()).value), 'beginning');
    (await half.promise).cancel();
    await assert.rejects(within(5_000, late.next()), { code: 'ECONNRESET' });
    assert.equal((await ask()).text, 'PONG');
    assert.deepEqual([asked, tunnels.length], [3, 1]);
  });

  test('a client that answers before it has the whole body needs no more of it', async (t) => {
    const { register, ask } = await startReverst(t);
    const failures: string[] = [];
    await register((exchange, head) => {
      if (head.path === '/') return pong(exchange, head);
      exchange.respond({ status: 413, fields: [], contentLength: 4 });
      exchange.body(Buffer.from('long'));
      exchange.end();
      return { body() {}, ended() {}, failed: (e) => void failures.push(e.message), drained() {} };
    });
    const endless = new Readable({ read: () => void endless.push(Buffer.alloc(16_384)) });
    const { status, text } = await ask({ method: 'POST', path: '/long', body: endless });
    assert.deepEqual([status, text, failures], [413, 'long', []]);
    assert.equal((await ask()).text, 'PONG');
  });

  test('a request that a client rejects is asked of another one, whatever its method', async (t) => {
    const { register, ask } = await startReverst(t);
    let rejected = 0;
    await register((exchange) => {
      rejected++;
      queueMicrotask(() => exchange.cancel(0x10b));
      return { body() {}, ended() {}, failed() {}, drained() {} };
    });
    await register(pong);
    for (let i = 0; i < 4; i++)
      assert.equal((await ask({ method: 'POST', headers: { 'Content-Length': 0 } })).text, 'PONG');
    assert.ok(rejected > 0);
  });

  test('a client that goes away finishes what it has, and gets nothing more', async (t) => {
    const { register, ask, tunnels } = await startReverst(t);
    const exchanges: ServedExchange[] = [];
    const leaving = await register(whole((exchange) => void exchanges.push(exchange)));
    const last = ask();
    await until('it came', () => exchanges.length === 1);
    await register(pong);
    leaving.http3.goAway();
    await until('the server knows', () => {
      try {
        tunnels[0]
          .open(
            { service: GROUP, kind: 'http', consumer: '-', id: '-' },
            { data() {}, finished() {}, reset() {}, drained() {} },
          )
          .reset();
        return false;
      } catch {
        return true;
      }
    });
    for (let i = 0; i < 4; i++) assert.equal((await ask()).text, 'PONG');
    exchanges[0].respond({ ...ok, contentLength: 3 });
    exchanges[0].body(Buffer.from('end'));
    exchanges[0].end();
    assert.equal((await last).text, 'end');
    await until('it is let go', () => leaving.ends.length === 1);
    assert.equal(leaving.ends[0].code, 0);
  });
});
