import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import { until } from '../../test/support/wait.ts';
import { WEBHOOK_ATTEMPTS_MAX } from '../limits.ts';
import { createEventFilter } from './filter.ts';
import { createEventLog } from './log.ts';
import { createWebhook, type WebhookOptions } from './webhook.ts';

const secret = 'secret-of-the-webhook-tests';

interface Delivery {
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A web server that takes deliveries and answers as it is told; null: not at all. */
async function receive(t: TestContext) {
  const deliveries: Delivery[] = [];
  const state: { status: number | null; headers: http.OutgoingHttpHeaders } = {
    status: 204,
    headers: {},
  };
  const server = http.createServer((request, response) => {
    void (async () => {
      deliveries.push({ headers: request.headers, body: await text(request) });
      if (state.status !== null)
        response.writeHead(state.status, state.headers).end('x'.repeat(99));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { deliveries, state, url: new URL(`http://127.0.0.1:${port}/canary`) };
}

async function setUp(t: TestContext, options: Partial<WebhookOptions> = {}, kept = 10_000) {
  const receiver = await receive(t);
  const events = createEventLog({ kept });
  const said: string[] = [];
  const say = (fields: object, message: string): void =>
    void said.push(`${message} ${JSON.stringify(fields)}`);
  const log = { error: say, warn: say, info: say } as unknown as WebhookOptions['log'];
  const { url } = receiver;
  const webhook = createWebhook({
    name: 'webhook-1',
    url,
    secret,
    events,
    log,
    pauses: { min: 1, max: 5 },
    ...options,
  });
  t.after(() => webhook.close());
  const publish = (...graces: number[]): void => {
    for (const graceMs of graces) events.publish('server.draining', { graceMs });
  };
  const batches = () =>
    receiver.deliveries.map(({ body }) => JSON.parse(body) as { events: { graceMs: number }[] });
  const graces = () => batches().map((batch) => batch.events.map(({ graceMs }) => graceMs));
  return { ...receiver, events, said, webhook, publish, batches, graces };
}

test('events of one turn are one delivery, in order, signed over time and body', async (t) => {
  const { deliveries, events, publish, batches } = await setUp(t);
  publish(1, 2);
  await until('it is delivered', () => deliveries.length === 1);
  const [{ headers, body }] = deliveries;
  assert.deepEqual(batches(), [{ run: events.run, missed: 0, events: events.since(0) }]);
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['sallyport-delivery'], `${events.run}-2`);
  const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(
    headers['sallyport-signature'] as string,
  )!;
  assert.ok(Math.abs(Number(time) - Date.now() / 1_000) < 60);
  assert.equal(signature, createHmac('sha256', secret).update(`${time}.${body}`).digest('hex'));
  publish(3);
  await until('the next one too', () => deliveries.length === 2);
});

test('only what its filter lets through', async (t) => {
  const filter = createEventFilter({ types: ['config.*'] });
  const { events, publish, deliveries } = await setUp(t, { filter });
  publish(1);
  events.publish('config.refused', { problems: ['x'] });
  await until('it is delivered', () => deliveries.length === 1);
  assert.ok(!deliveries[0].body.includes('server.draining'));
});

test('a failure is tried again: the same delivery under the same id, told once in the log, never its URL or secret', async (t) => {
  const pauses = { min: 30, max: 30 };
  const { deliveries, state, said, publish, graces } = await setUp(t, { pauses });
  state.status = 500;
  publish(1);
  await until('it was tried twice', () => deliveries.length >= 2);
  state.status = 200;
  publish(2);
  await until('all is delivered', () => graces().at(-1)?.[0] === 2);
  const ids = deliveries.map(({ headers }) => headers['sallyport-delivery']);
  assert.deepEqual(
    graces().slice(0, -1),
    ids.slice(0, -1).map(() => [1]),
  );
  assert.equal(new Set(ids).size, 2);
  assert.equal(said.length, 2);
  assert.match(said[0], /webhook failed.*status 500/);
  assert.match(said[1], /takes events again/);
  for (const line of said) assert.ok(!/canary|secret-of/.test(line), line);
});

test('a redirect is not followed: it is a failure', async (t) => {
  const elsewhere = await receive(t);
  const { deliveries, state, said, publish } = await setUp(t);
  Object.assign(state, { status: 307, headers: { location: elsewhere.url.href } });
  publish(1);
  await until('it is told', () => said.length > 0);
  assert.match(said[0], /status 307/);
  assert.equal(elsewhere.deliveries.length, 0);
  assert.ok(deliveries.length > 0);
});

test('nobody there is a failure with its cause', async (t) => {
  const { said, publish } = await setUp(t, { url: new URL('http://127.0.0.1:1/canary') });
  publish(1);
  await until('it is told', () => said.length > 0);
  assert.match(said[0], /"error":"no connection \(ECONNREFUSED\)"/);
});

describe('what cannot be delivered', () => {
  test(`is given up after ${WEBHOOK_ATTEMPTS_MAX} tries, counted, and told with the next delivery`, async (t) => {
    const { webhook, deliveries, state, said, publish, batches } = await setUp(t);
    state.status = 503;
    publish(1, 2);
    await until('it is given up', () => webhook.lost > 0);
    assert.deepEqual([deliveries.length, webhook.lost], [WEBHOOK_ATTEMPTS_MAX, 2]);
    assert.match(said.at(-1)!, /events were dropped.*"events":2/);
    state.status = 204;
    publish(3);
    await until('it is delivered', () => said.length === 3);
    const last = batches().at(-1) as unknown as { missed: number };
    assert.equal(last.missed, 2);
    assert.match(said.at(-1)!, /takes events again/);
  });

  test('does not hold up the log: a receiver that never answers misses what the log forgets', async (t) => {
    const { webhook, deliveries, state, publish } = await setUp(t, {}, 3);
    state.status = null;
    publish(1);
    await until('it was tried', () => deliveries.length === 1);
    publish(2, 3, 4, 5, 6);
    assert.equal(webhook.behind, 5);
    await webhook.close();
    assert.equal(webhook.lost, 6, 'one was in delivery, two were forgotten, three had no chance');
  });
});

test('at the end what is left is delivered once more', async (t) => {
  const { webhook, graces, publish } = await setUp(t);
  publish(1, 2, 3);
  await webhook.close();
  assert.deepEqual(graces(), [[1, 2, 3]]);
  publish(4);
  assert.deepEqual([webhook.behind >= 0, graces().length], [true, 1]);
});
