import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestRegistrar, http, tcp } from '../../test/support/registrar.ts';
import { eventSchema } from '../events/schema.ts';
import type { EventLog } from '../events/log.ts';
import { EVENT_TEXT_MAX_CHARS } from '../limits.ts';

/** As `up web a`. */
function told(events: EventLog): string[] {
  return events.since(0)!.map((event) => {
    assert.ok(event.type === 'service.up' || event.type === 'service.down', event.type);
    return `${event.type.slice('service.'.length)} ${event.service} ${event.session}`;
  });
}

test('each agent of a service is an event when it joins, and one when it leaves, takes back or is displaced', async (t) => {
  const { registrar, agent, events } = await createTestRegistrar(t);
  const [one, two] = [agent('a'), agent('b')];
  await registrar.register(one, http('web'));
  await registrar.register(two, http('web'));
  registrar.unregister(one, 'web');
  registrar.unregister(one, 'web');
  registrar.leave(two);
  registrar.leave(two);
  assert.deepEqual(told(events), ['up web a', 'up web b', 'down web a', 'down web b']);
  await registrar.register(one, http('only', { exclusive: 'latest' }));
  await registrar.register(two, http('only', { exclusive: 'latest' }));
  registrar.leave(one);
  assert.deepEqual(told(events).slice(4), ['up only a', 'up only b', 'down only a']);
});

test('a registration that fails is no event, nor is the end of one that was not there yet', async (t) => {
  const { registrar, agent, events } = await createTestRegistrar(t);
  const session = agent('a');
  await assert.rejects(registrar.register(session, http('a b')));
  const opening = registrar.register(session, tcp('box', { port: 0 }));
  registrar.leave(session);
  await assert.rejects(opening, { code: 'SESSION_CLOSED' });
  assert.equal(events.seq, 0);
});

test('the event says who, where, and no secret; of many addresses as many as it may hold', async (t) => {
  const { registrar, agent, events } = await createTestRegistrar(t);
  const rendezvousToken = 'rendez-vous-token-of-the-tests';
  await registrar.register(agent('a'), http('web', { rendezvousToken }));
  const [event] = events.since(0)!;
  assert.deepEqual(eventSchema.parse(event), event);
  assert.ok(event.type === 'service.up');
  assert.deepEqual([event.identity, event.kind], ['ann', 'http']);
  assert.equal(event.urls[0], 'http://web.example.test:8080/');
  assert.ok(!JSON.stringify(event).includes(rendezvousToken));

  const hosts = Array.from({ length: 200 }, (_, n) => `host-${n}.example.org`);
  await registrar.register(agent('b'), http('many', { hosts }));
  const many = events.since(1)![0];
  assert.ok(many.type === 'service.up' && many.urls.length > 10);
  assert.ok(many.urls.join('').length <= EVENT_TEXT_MAX_CHARS);
});
