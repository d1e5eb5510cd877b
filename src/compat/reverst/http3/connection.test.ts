import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  createRecorded,
  getRequest,
  joinEnds,
  okResponse,
} from '../../../../test/support/http3-exchange.ts';
import { Http3Error } from './fault.ts';

for (const asks of ['server', 'client'] as const)
  suite(`HTTP/3 where the ${asks} asks`, () => {
    test('a request with a body and its response, with interim responses and trailers both ways', () => {
      const { memory, asking, serving, served } = joinEnds(asks, ({ exchange }) => {
        exchange.interim({ status: 103, fields: [['link', '</a>']], contentLength: null });
      });
      const got = createRecorded();
      const head = { ...getRequest, method: 'POST', contentLength: 5 };
      const exchange = asking.request(head, got);
      exchange.body(Buffer.from('hel'));
      exchange.body(Buffer.from('lo'));
      exchange.end([['X-Sum', '1']]);
      memory.run();
      assert.equal(exchange.id, asks === 'client' ? 0 : 1);
      assert.deepEqual(served[0].head, head);
      assert.equal(served[0].received.text, 'hello');
      assert.deepEqual(served[0].received.trailers, [['x-sum', '1']]);
      served[0].exchange.respond({ ...okResponse, fields: [['content-type', 'text/plain']] });
      served[0].exchange.body(Buffer.from('PONG'));
      served[0].exchange.end([['x-took', '2']]);
      memory.run();
      assert.deepEqual(got.calls, ['interim 103', 'response 200', 'body', 'ended']);
      assert.equal(got.text, 'PONG');
      assert.deepEqual(got.trailers, [['x-took', '2']]);
      assert.equal(asking.active + serving.active, 0);
    });

    test('GOAWAY of the serving end: what it has begun goes on, new requests are refused here', () => {
      const { memory, asking, serving, served, events } = joinEnds(asks);
      const got = createRecorded();
      asking.request(getRequest, got).end();
      memory.run();
      serving.goAway();
      memory.run();
      assert.deepEqual(events, ['asking goneAway']);
      assert.throws(() => asking.request(getRequest, createRecorded()), { code: 'SESSION_CLOSED' });
      served[0].exchange.respond(okResponse);
      served[0].exchange.end();
      memory.run();
      assert.deepEqual(got.calls, ['response 200', 'ended']);
      assert.deepEqual(events, ['asking goneAway', 'serving idle', 'asking idle']);
    });

    test('a request that crosses a GOAWAY was not begun, and may be asked elsewhere', () => {
      const { memory, asking, serving, served } = joinEnds(asks);
      memory.run();
      serving.goAway();
      const got = createRecorded();
      asking.request(getRequest, got).end();
      memory.run();
      assert.equal(served.length, 0);
      assert.deepEqual(got.calls, ['failed STREAM_RESET']);
      assert.ok(got.error instanceof Http3Error);
      assert.equal(got.error.h3, 0x10b);
      assert.equal(asking.active + serving.active, 0);
    });

    test('a serving end that winds down is asked no more, serves what crosses that, and can still refuse', () => {
      const { memory, asking, serving, served, events } = joinEnds(asks);
      memory.run();
      serving.windDown();
      const got = createRecorded();
      asking.request(getRequest, got).end();
      memory.run();
      assert.deepEqual(events, ['asking goneAway']);
      assert.throws(() => asking.request(getRequest, createRecorded()), { code: 'SESSION_CLOSED' });
      served[0].exchange.respond(okResponse);
      served[0].exchange.end();
      memory.run();
      assert.deepEqual(got.calls, ['response 200', 'ended']);
      serving.goAway();
      memory.run();
      assert.deepEqual(memory.client.closes.concat(memory.server.closes), []);
    });

    test('GOAWAY of the asking end: its requests are finished, it asks no new ones', () => {
      const { memory, asking, served, events } = joinEnds(asks);
      const got = createRecorded();
      asking.request(getRequest, got).end();
      asking.goAway();
      assert.throws(() => asking.request(getRequest, createRecorded()), { code: 'SESSION_CLOSED' });
      memory.run();
      assert.deepEqual(events, ['serving goneAway']);
      served[0].exchange.respond(okResponse);
      served[0].exchange.end();
      memory.run();
      assert.deepEqual(got.calls, ['response 200', 'ended']);
      assert.deepEqual(events, ['serving goneAway', 'asking idle']);
    });

    test('closing fails what is under way, and tells the peer that all is well', () => {
      const { memory, asking } = joinEnds(asks);
      const got = createRecorded();
      asking.request(getRequest, got);
      memory.run();
      asking.close();
      assert.deepEqual(memory[asks].closes, [{ code: 0x100, reason: '' }]);
      assert.deepEqual(got.calls, ['failed SESSION_CLOSED']);
      assert.throws(() => asking.request(getRequest, createRecorded()), { code: 'SESSION_CLOSED' });
    });
  });

test('the control stream begins with its type and SETTINGS', () => {
  const { memory } = joinEnds('server');
  const bytes = (id: number, side: 'client' | 'server') =>
    Buffer.concat(memory.streams[side].get(id)!.bytes).toString('hex');
  assert.equal(bytes(3, 'server'), '000409010006800100000700');
  assert.equal(bytes(2, 'client'), '000409010006800100000700');
});

test('an end that serves does not ask', () => {
  const { serving } = joinEnds('server');
  assert.throws(() => serving.request(getRequest, createRecorded()), { code: 'INTERNAL' });
});

test('many requests at once keep apart', () => {
  const { memory, asking, served } = joinEnds('server');
  const got = Array.from({ length: 100 }, (_, i) => {
    const one = createRecorded();
    asking.request({ ...getRequest, path: `/${i}` }, one).end();
    return one;
  });
  memory.run();
  for (const { exchange, head } of served.toReversed()) {
    exchange.respond(okResponse);
    exchange.body(Buffer.from(head.path));
    exchange.end();
  }
  memory.run();
  assert.deepEqual(
    got.map(({ text }) => text),
    Array.from({ length: 100 }, (_, i) => `/${i}`),
  );
});
