import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SallyportEvent } from '../../src/events/event.ts';
import { eventSchema } from '../../src/events/schema.ts';
import { createEventStream } from '../../src/index.ts';
import { composeConsumer, composeServer, runAgent, service } from '../support/composition.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { converse } from '../support/tcp-targets.ts';
import { until } from '../support/wait.ts';

/** What tells most about an event. */
const telling = ['type', 'service', 'session', 'role', 'status', 'code'];

/** As `client.up s1 agent`. */
function brief(event: SallyportEvent): string {
  const fields = new Map(Object.entries(event));
  return telling.flatMap((name) => fields.get(name) ?? []).join(' ');
}

describe('a listener of the library', () => {
  test('hears of clients, services, streams and requests, each as the schema has it', async (t) => {
    const origin = await startOrigin(t);
    const server = await composeServer(t, { requestEvents: 1 });
    const heard: SallyportEvent[] = [];
    const stop = server.events.listen((event) => void heard.push(event));
    const agent = runAgent(t, server.address, [
      service('web', `http://${origin.address}`, { kind: 'http' }),
      service('box', origin.address),
    ]);
    await agent.ready();
    const { port } = server.address;
    await ask({ port, host: 'web.localhost', path: '/whoami?q=1' });
    const consumer = composeConsumer(t, server.address);
    await consumer.attach(new AbortController().signal);
    await agent.stop();
    await until('the agent is gone', () => heard.some(({ type }) => type === 'client.down'));
    assert.equal((await ask({ port, host: 'web.localhost' })).status, 503);
    await until('that is told', () => brief(heard.at(-1)!) === 'http.request web 503');
    assert.deepEqual(heard.map(brief).toSorted(), [
      'client.down s1 agent',
      'client.up s1 agent',
      'client.up s2 consumer',
      'http.request web 200',
      'http.request web 503',
      'service.down box s1',
      'service.down web s1',
      'service.up box s1',
      'service.up web s1',
      'stream.closed web',
      'stream.opened web',
      'stream.refused web SERVICE_ABSENT',
    ]);
    for (const event of heard) assert.deepEqual(eventSchema.parse(event), event);
    assert.deepEqual(
      heard.map(({ seq }) => seq),
      heard.map((_, index) => index + 1),
    );
    const request = heard.find((event) => event.type === 'http.request');
    assert.ok(request?.type === 'http.request');
    assert.deepEqual([request.path, request.method], ['/whoami', 'GET']);
    stop();
    await server.close(0);
    assert.ok(!heard.some(({ type }) => type === 'server.draining'), 'it does not listen any more');
  });

  test('requests are no events unless that is asked for', async (t) => {
    const server = await composeServer(t);
    await ask({ port: server.address.port, host: 'web.localhost' });
    assert.equal(server.events.seq, 0);
  });
});

test('events as a stream, from the beginning on', async (t) => {
  const server = await composeServer(t);
  const origin = await startOrigin(t);
  const agent = runAgent(t, server.address, [service('box', origin.address, { port: 0 })]);
  await agent.ready();
  await converse(agent.assigned.get('box')!.port!, 'GET / HTTP/1.0\r\n\r\n');
  const reader = createEventStream(server.events, { lastEventId: '0' }).getReader();
  t.after(() => reader.cancel());
  let text = '';
  const decoder = new TextDecoder();
  for (let n = 0; n < 20 && !text.includes('stream.closed'); n++)
    text += decoder.decode((await reader.read()).value);
  const types = [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
  assert.deepEqual(types, ['client.up', 'service.up', 'stream.opened', 'stream.closed']);
});
