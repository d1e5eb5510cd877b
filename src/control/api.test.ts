import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { playControl, tokens } from '../../test/support/control.ts';
import { until } from '../../test/support/wait.ts';
import type { AccessRequest, Policy } from '../access/policy/policy.ts';
import { SallyportError } from '../errors.ts';
import { CONTROL_LIST_MAX, CONTROL_REASON_MAX_CHARS } from '../limits.ts';
import type { z } from 'zod';
import { operationIds, operations, pathOf, type Operation } from './operations.ts';

const configuration = {
  options: () => ({ listen: '127.0.0.1:1', token: '***' }),
  reload: () => Promise.resolve({ changed: ['identities'], restart: ['listen'] }),
  problems: [],
  restart: [],
};
const json = 'Content-Type: application/json';

/** What stands in a path, so that the operation finds something. */
const subjects: Readonly<Record<string, string>> = {
  session: 's1',
  service: 'web',
  stream: 'a-1',
  identity: 'bob',
};

test('every operation answers in the shape that is described, and asks the policy by its name', async (t) => {
  const asked: AccessRequest[] = [];
  const policy: Policy = {
    authorize(request) {
      asked.push(request);
      return { allow: true, reason: 'a test' };
    },
    close() {},
  };
  const metrics = { type: 'text/plain; version=0.0.4', text: () => Promise.resolve('up 1\n') };
  const { ask, host } = await playControl(t, { policy, metrics });
  host.configuration = configuration;
  for (const id of operationIds.filter((one) => one !== 'events.follow')) {
    const { method, content }: Operation = operations[id];
    const path = pathOf(id).replace(/\{(\w+)\}/, (_, name: string) => subjects[name]);
    if (id === 'consumers.kick') continue; // there is none
    const answer = await ask(method.toUpperCase(), path);
    assert.equal(answer.status, 200, `${id}: ${answer.text}`);
    assert.match(answer.head, /\r\ncache-control: no-store\r\n/);
    if (content.type === 'json') (content.view as z.ZodObject).parse(answer.json());
    const { action, service, identity, consumer } = asked.at(-1)!;
    assert.deepEqual([action, service, identity?.name], ['control', id, 'ann']);
    assert.match(consumer, /^127\.0\.0\.1:\d+$/);
  }
});

test('what the policy refuses is not done', async (t) => {
  const policy: Policy = {
    authorize: ({ service }) =>
      Promise.resolve({ allow: service.endsWith('.list'), reason: 'rule 3: read only' }),
    close() {},
  };
  const { ask, host, events } = await playControl(t, { policy });
  assert.equal((await ask('GET', '/api/v1/agents')).status, 200);
  const answer = await ask('POST', '/api/v1/agents/s1/kick');
  assert.equal(answer.status, 403);
  assert.deepEqual(answer.error(), ['DENIED', 'control agents.kick: rule 3: read only']);
  assert.deepEqual([host.done, events.seq], [[], 0]);
});

describe('what changes something', () => {
  test('is an event that says who did what to whom, and why', async (t) => {
    const { ask, host, events } = await playControl(t);
    const answer = await ask('POST', '/api/v1/agents/s1/kick', [json], '{"reason":"moved\\r\\n"}');
    assert.deepEqual(answer.json(), { seq: 7, sessions: 1, services: 2, streams: 3 });
    assert.deepEqual(host.done, ['kick agent s1']);
    const { code, message } = host.errors[0];
    assert.equal(code, 'KICKED');
    assert.equal(message, 'session s1: ended by an operator: moved\\u{d}\\u{a}');
    const [event] = events.since(0)!;
    const { seq: _seq, time: _time, ...told } = event;
    assert.match((told as { peer: string }).peer, /^127\.0\.0\.1:/);
    assert.deepEqual(
      { ...told, peer: '' },
      {
        type: 'control.action',
        operation: 'agents.kick',
        subject: 's1',
        identity: 'ann',
        peer: '',
        reason: 'moved\r\n',
      },
    );
  });

  test('takes names as they are, escaped', async (t) => {
    const { ask, host } = await playControl(t);
    await ask('POST', '/api/v1/identities/jwt%3Aann%2Fx%20%C3%A9/revoke');
    assert.deepEqual(host.done, ['revoke jwt:ann/x é']);
  });

  test('and finds nothing to change', async (t) => {
    const { ask, events } = await playControl(t);
    const kinds = ['agents/s2', 'consumers/s1', 'services/nope', 'streams/%1B%5B31m'];
    for (const kind of kinds) {
      const answer = await ask('POST', `/api/v1/${kind}/kick`);
      assert.equal(answer.status, 404);
      assert.equal(answer.error()[0], 'CONTROL_UNKNOWN');
      assert.ok(!answer.text.includes('\u001b'));
    }
    assert.equal((await ask('POST', '/api/v1/identities/ann/restore')).status, 404);
    assert.equal(events.seq, 0);
  });
});

describe('what a request may say', () => {
  const long = 'x'.repeat(CONTROL_REASON_MAX_CHARS + 1);
  const kick = '/api/v1/streams/a-1/kick';
  const cases: [string, string, string, string[], string, number][] = [
    ['a body that pages can send unasked', 'POST', kick, ['Content-Type: text/plain'], '{}', 400],
    ['a body without a type', 'POST', kick, [], '{}', 400],
    ['no JSON', 'POST', kick, [json], '{', 400],
    ['no object', 'POST', kick, [json], '[]', 400],
    ['another key', 'POST', kick, [json], '{"why":"x"}', 400],
    ['a reason that is no text', 'POST', kick, [json], '{"reason":1}', 400],
    ['a reason that is too long', 'POST', kick, [json], `{"reason":"${long}"}`, 400],
    ['a reason where none is taken', 'POST', '/api/v1/drain', [json], '{"reason":"x"}', 400],
    ['an unknown parameter', 'GET', '/api/v1/status?x=1', [], '', 400],
    ['an empty filter', 'GET', '/api/v1/streams?service=', [], '', 400],
    ['a limit that is none', 'GET', '/api/v1/events/recent?limit=0', [], '', 400],
    ['another method', 'POST', '/api/v1/status', [], '', 404],
    ['a deletion', 'DELETE', '/api/v1/agents/s1', [], '', 404],
    ['no operation', 'GET', '/api/v1/nope', [], '', 404],
    ['nothing', 'GET', '/api/v1', [], '', 404],
    ['an empty object', 'POST', kick, [`${json}; charset=utf-8`], '{}', 200],
  ];
  for (const [what, method, path, fields, body, expected] of cases) {
    test(what, async (t) => {
      const { ask, host } = await playControl(t);
      const answer = await ask(method, path, fields, body);
      assert.equal(answer.status, expected, answer.text);
      assert.equal(host.done.length, expected === 200 ? 1 : 0);
    });
  }
});

test('lists are filtered by globs, and say how many there are', async (t) => {
  const { ask, host } = await playControl(t);
  host.streamCount = 3;
  const streams = async (query: string): Promise<unknown[]> =>
    (await ask('GET', `/api/v1/streams${query}`)).json().items.map(({ stream }) => stream);
  assert.deepEqual(await streams('?service=w*'), ['a-1']);
  assert.deepEqual(await streams('?service=w*&service=box'), ['a-1', 'a-2', 'a-3']);
  assert.deepEqual(await streams('?identity=*'), ['a-2', 'a-3'], 'nobody is not somebody');
  assert.deepEqual(await streams('?identity=b%6Fb&service=web'), []);
  host.streamCount = CONTROL_LIST_MAX + 5;
  const { total, items, seq } = (await ask('GET', '/api/v1/streams')).json();
  assert.deepEqual([total, items.length, seq], [CONTROL_LIST_MAX + 5, CONTROL_LIST_MAX, 7]);
});

describe('events', () => {
  test('are followed from the number of a list on, filtered, until the client leaves', async (t) => {
    const { open, events, endpoints } = await playControl(t);
    for (let i = 1; i <= 3; i++) events.publish('server.draining', { graceMs: i });
    const client = await open('GET', '/api/v1/events?after=2&type=server.*');
    await client.until((text) => text.includes('"graceMs":3'));
    events.publish('config.refused', { problems: [] });
    events.publish('server.draining', { graceMs: 4 });
    const text = await client.until((all) => all.includes('"graceMs":4'));
    assert.doesNotMatch(text, /"graceMs":2|config/);
    assert.equal(endpoints.active, 1);
    client.socket.destroy();
    await until('it is over', () => endpoints.active === 0);
  });

  test('Last-Event-ID wins over the query', async (t) => {
    const { open, events } = await playControl(t);
    for (let i = 1; i <= 3; i++) events.publish('server.draining', { graceMs: i });
    const path = '/api/v1/events?after=0';
    const client = await open('GET', path, [`Last-Event-ID: ${events.run}-2`]);
    const text = await client.until((all) => all.includes('"graceMs":3'));
    assert.doesNotMatch(text, /"graceMs":[12]/);
  });

  test('end for whom is known no longer, or no longer as an admin; an answer under way does not', async (t) => {
    const { open, endpoints } = await playControl(t);
    const client = await open('GET', '/api/v1/events');
    await client.until((text) => text.includes('retry:'));
    endpoints.rejudge((identity) => identity);
    assert.equal(endpoints.active, 1);
    endpoints.rejudge(() => null);
    await client.untilEnd();
    await until('it is over', () => endpoints.active === 0);
  });

  test('the newest that are kept', async (t) => {
    const { ask, events } = await playControl(t);
    for (let i = 1; i <= 5; i++) events.publish('server.draining', { graceMs: i });
    events.publish('config.refused', { problems: [] });
    const { seq, total, items } = (
      await ask('GET', '/api/v1/events/recent?type=server.*&limit=2')
    ).json();
    assert.deepEqual([seq, total], [6, 5]);
    assert.deepEqual(
      items.map(({ graceMs }) => graceMs),
      [4, 5],
    );
  });
});

describe('what this server has not', () => {
  for (const [method, path] of [
    ['GET', '/metrics'],
    ['GET', '/api/v1/config'],
    ['POST', '/api/v1/reload'],
  ] as const) {
    test(`${method} ${path}`, async (t) => {
      const { ask } = await playControl(t);
      const answer = await ask(method, path);
      assert.deepEqual([answer.status, answer.error()[0]], [501, 'CONTROL_ABSENT']);
    });
  }
});

test('a reload that is refused says why, and is no event of success', async (t) => {
  const { ask, host, events } = await playControl(t);
  const error = new SallyportError('CONFIG_INVALID', 'server.yaml:3:1: tokn: is no option');
  host.configuration = { ...configuration, reload: () => Promise.reject(error) };
  const answer = await ask('POST', '/api/v1/reload');
  assert.deepEqual([answer.status, answer.error()[0]], [400, 'CONFIG_INVALID']);
  assert.match(answer.error()[1], /server\.yaml:3:1/);
  assert.equal(events.seq, 0);
});

test('no answer holds a credential', async (t) => {
  const { ask } = await playControl(t);
  for (const path of ['/api/v1/status', '/api/v1/identities', '/api/v1/nope', '/metrics']) {
    const { head, text } = await ask('GET', path);
    for (const token of Object.values(tokens)) assert.ok(!`${head}${text}`.includes(token));
  }
});
