import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createRecorded,
  getRequest,
  joinEnds,
  okResponse,
} from '../../../../test/support/http3-exchange.ts';

const post = { ...getRequest, method: 'POST' };
const body = Buffer.from('0123456789');

/** A request under way and what both ends see. `id` of its stream is 1: the server asks. */
function ask(head = post, window?: number) {
  const ends = joinEnds('server', undefined, window);
  const got = createRecorded();
  const exchange = ends.asking.request(head, got);
  ends.memory.run();
  const near = ends.memory.streams.server.get(1)!;
  const far = ends.memory.streams.client.get(1)!;
  return { ...ends, got, exchange, near, far, served: ends.served[0] };
}

test('a body is credited when its receiver says so, everything else at once', () => {
  const { memory, exchange, served, far } = ask();
  assert.equal(far.uncredited, 0);
  exchange.body(body);
  exchange.end([['x-a', 'b']]);
  memory.run();
  assert.equal(far.uncredited, body.length);
  served.exchange.credit(body.length);
  assert.equal(far.uncredited, 0);
});

test('a full stream says so, and when it drains', () => {
  const { memory, exchange, got, served } = ask(post, 1_000);
  assert.equal(exchange.writable, true);
  exchange.body(Buffer.alloc(2_000));
  assert.equal(exchange.writable, false);
  memory.run();
  assert.deepEqual(got.calls, []);
  served.exchange.credit(2_000);
  memory.run();
  assert.deepEqual(got.calls, ['drained']);
  assert.equal(exchange.writable, true);
});

test('a response that is whole asks for no more of its request, which goes on to the end of the response', () => {
  const { memory, exchange, got, served, near, far, asking, serving } = ask();
  exchange.body(body);
  served.exchange.respond(okResponse);
  served.exchange.end();
  memory.run();
  assert.deepEqual(far.acts, ['end', 'stop 0x100']);
  assert.deepEqual(near.acts, ['reset 0x100']);
  assert.deepEqual(got.calls, ['response 200', 'ended', 'unwanted']);
  exchange.body(body);
  exchange.end();
  assert.equal(asking.active + serving.active, 0);
});

test('cancelled by the asking end: both directions are broken off with H3_REQUEST_CANCELLED', () => {
  const { memory, exchange, got, served, near, asking, serving } = ask();
  exchange.cancel();
  memory.run();
  assert.deepEqual(near.acts, ['reset 0x10c', 'stop 0x10c']);
  assert.deepEqual(served.received.calls, ['failed STREAM_RESET']);
  assert.match(served.received.error!.message, /H3_REQUEST_CANCELLED/);
  assert.deepEqual(got.calls, []);
  assert.equal(asking.active + serving.active, 0);
});

test('broken off by the serving end: the asking end learns the code', () => {
  const { memory, got, served, asking, serving } = ask();
  served.exchange.respond(okResponse);
  served.exchange.body(body);
  memory.run();
  served.exchange.cancel(0x102);
  memory.run();
  assert.deepEqual(got.calls, ['response 200', 'body', 'failed STREAM_RESET']);
  assert.match(got.error!.message, /H3_INTERNAL_ERROR/);
  assert.equal(asking.active + serving.active, 0);
});

test('a stop that is no NO_ERROR ends the exchange', () => {
  const { memory, got, far } = ask();
  far.stop(0x102);
  memory.run();
  assert.deepEqual(got.calls, ['failed STREAM_RESET']);
});

test('bodies are as long as they say, or they are broken off and the caller told', () => {
  const long = ask({ ...post, contentLength: 5 });
  assert.throws(() => long.exchange.body(body), /more body/);
  assert.deepEqual(long.near.acts, ['reset 0x102', 'stop 0x102']);
  const short = ask({ ...post, contentLength: 50 });
  short.exchange.body(body);
  assert.throws(() => short.exchange.end(), /40 bytes short/);
  assert.deepEqual(short.near.acts, ['reset 0x102', 'stop 0x102']);
  const { served, far } = ask();
  served.exchange.respond({ ...okResponse, contentLength: 3 });
  assert.throws(() => served.exchange.end(), /3 bytes short/);
  assert.ok(far.acts.includes('reset 0x102'));
});

test('a response to HEAD says a length and has no body', () => {
  const { memory, exchange, served, got } = ask({ ...getRequest, method: 'HEAD' });
  exchange.end();
  served.exchange.respond({ ...okResponse, contentLength: 1_000 });
  assert.throws(() => served.exchange.body(body), /more body/);
  memory.run();
  const again = ask({ ...getRequest, method: 'HEAD' });
  again.exchange.end();
  again.served.exchange.respond({ ...okResponse, contentLength: 1_000 });
  again.served.exchange.end();
  again.memory.run();
  assert.deepEqual(again.got.calls, ['response 200', 'ended']);
  assert.equal(again.got.head!.contentLength, 1_000);
  assert.deepEqual(got.calls, ['failed STREAM_RESET']);
});

test('messages are sent in their order only', () => {
  const { served } = ask();
  assert.throws(() => served.exchange.interim(okResponse), { code: 'INTERNAL' });
  assert.throws(() => served.exchange.respond({ ...okResponse, status: 103 }), {
    code: 'INTERNAL',
  });
  served.exchange.respond(okResponse);
  assert.throws(() => served.exchange.respond(okResponse), { code: 'INTERNAL' });
  assert.throws(() => served.exchange.interim({ ...okResponse, status: 103 }), {
    code: 'INTERNAL',
  });
  const early = ask();
  assert.throws(() => early.served.exchange.body(body), { code: 'INTERNAL' });
});

test('a head that the peer does not read as a whole is not sent', () => {
  const { asking, memory } = ask();
  const got = createRecorded();
  const head = { ...getRequest, fields: [['x-long', 'x'.repeat(70_000)] as const] };
  assert.throws(() => asking.request(head, got), { code: 'REQUEST_TOO_LONG' });
  assert.deepEqual(memory.streams.server.get(5)!.acts, ['reset 0x10c', 'stop 0x10c']);
  assert.equal(asking.active, 1);
});

test('after the connection has gone, exchanges fail once and swallow what is sent', () => {
  const { exchange, served, got, asking, serving } = ask();
  const gone = new (class extends Error {})() as never;
  asking.closed(gone);
  serving.closed(gone);
  assert.equal(got.calls.length + served.received.calls.length, 2);
  exchange.body(body);
  exchange.end();
  served.exchange.respond(okResponse);
  served.exchange.end();
  served.exchange.cancel();
  assert.equal(got.calls.length, 1);
});
