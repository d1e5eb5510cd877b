import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decide, question, readJson, startService } from '../../../test/support/policies.ts';
import { POLICY_ANSWER_MAX_BYTES, POLICY_QUESTIONS_MAX } from '../../limits.ts';
import { createIdentity } from '../identity.ts';
import { createHttpPolicy } from './http.ts';

type Answer = Parameters<typeof startService>[1];

async function create(t: Parameters<typeof startService>[0], answer: Answer, timeoutMs = 5_000) {
  const url = await startService(t, answer);
  const policy = createHttpPolicy({ url, place: 'policy[0]', timeoutMs });
  t.after(() => policy.close());
  return { url, policy };
}

const says =
  (answer: unknown): Answer =>
  (_, response) =>
    response.end(JSON.stringify(answer));

/** Writes down what it is asked, then says the answer. */
function noting(seen: unknown[], answer: unknown): Answer {
  return (request, response) => {
    const { method, url, headers } = request;
    void readJson(request).then((asked) => {
      seen.push([method, url, headers['content-type'], asked]);
      return response.end(JSON.stringify(answer));
    });
  };
}

test('the service gets the question, and its answer is the decision', async (t) => {
  const seen: unknown[] = [];
  const { url, policy } = await create(t, noting(seen, { allow: true, reason: 'she may' }));
  const ann = createIdentity({ name: 'ann', authority: 'tokens', roles: ['consumer'] });
  const decision = await decide(policy, { identity: ann, key: 'k' });
  assert.deepEqual(decision, {
    allow: true,
    reason: `policy[0] ${url.host} allows it: she may`,
  });
  const asked = {
    action: 'connect',
    identity: 'ann',
    service: 'box',
    target: '10.0.0.1:22',
    consumer: '192.0.2.7:4711',
    key: 'k',
  };
  assert.deepEqual(seen, [['POST', '/authorize', 'application/json', asked]]);
});

test('what is not there is null, and no key is no key', async (t) => {
  const seen: unknown[] = [];
  const { policy } = await create(t, noting(seen, { allow: false }));
  const { allow } = await decide(policy, { target: null });
  assert.equal(allow, false);
  const { action, service, consumer } = question;
  const asked = { action, identity: null, service, target: null, consumer };
  assert.deepEqual(seen, [['POST', '/authorize', 'application/json', asked]]);
});

describe('everything but a plain answer is a refusal', () => {
  const cases: [string, Answer, RegExp][] = [
    [
      'another status',
      (_, response) => response.writeHead(500).end('{"allow":true}'),
      /status 500$/,
    ],
    [
      'a success of another kind',
      (_, response) => response.writeHead(201).end('{"allow":true}'),
      /status 201$/,
    ],
    [
      'a redirect, which nobody follows',
      (_, response) => response.writeHead(307, { Location: '/' }).end('{"allow":true}'),
      /status 307$/,
    ],
    ['no JSON', (_, response) => response.end('yes'), /its answer is no/],
    ['nothing', (_, response) => response.end(), /its answer is no/],
    ['a list', says([true]), /its answer is no/],
    ['null', says(null), /its answer is no/],
    ['true', says(true), /its answer is no/],
    ['allow as text', says({ allow: 'true' }), /its answer is no/],
    ['allow as a number', says({ allow: 1 }), /its answer is no/],
    ['no allow', says({ reason: 'x' }), /its answer is no/],
    ['a reason that is no text', says({ allow: true, reason: {} }), /its answer is no/],
    [
      'far too much',
      (_, response) => response.end(`{"allow":true}${' '.repeat(POLICY_ANSWER_MAX_BYTES)}`),
      /more than \d+ bytes$/,
    ],
    [
      'an end in the middle',
      (_, response) => response.writeHead(200).write('{"al', () => response.destroy()),
      /connection/,
    ],
    ['silence', () => {}, /no whole answer within 100 ms$/],
  ];
  for (const [name, answer, why] of cases) {
    test(name, async (t) => {
      const { policy } = await create(t, answer, name === 'silence' ? 100 : 5_000);
      const { allow, reason } = await decide(policy);
      assert.equal(allow, false);
      assert.match(reason, /^policy\[0\] 127\.0\.0\.1:\d+ gave no answer: /);
      assert.match(reason, why);
    });
  }
});

test('neither the key nor the path of the service is in a reason, and what it says is made harmless', async (t) => {
  const { policy } = await create(t, says({ allow: false, reason: 'CANARY\r\n\u001b[2J' }));
  const { reason } = await decide(policy, { key: 'CANARY' });
  assert.match(reason, /denies it: \*\*\*\\u\{d\}\\u\{a\}\\u\{1b\}\[2J$/);
  assert.doesNotMatch(reason, /authorize/);
});

test('connections are kept', async (t) => {
  const ports = new Set<number | undefined>();
  const { policy } = await create(t, (request, response) => {
    ports.add(request.socket.remotePort);
    request.resume().on('end', () => response.end('{"allow": true}'));
  });
  for (let i = 0; i < 5; i++) await decide(policy);
  assert.equal(ports.size, 1);
});

test('questions that wait are bounded', async (t) => {
  const { policy } = await create(t, () => {});
  const waiting = Array.from({ length: POLICY_QUESTIONS_MAX }, () => decide(policy));
  const { allow, reason } = await decide(policy);
  assert.deepEqual([allow, reason.endsWith('1000 questions wait for it already')], [false, true]);
  policy.close();
  for (const decision of await Promise.all(waiting)) assert.equal(decision.allow, false);
});

test('once it is closed, everything is refused', async (t) => {
  const { policy } = await create(t, says({ allow: true }));
  policy.close();
  const { allow, reason } = await decide(policy);
  assert.deepEqual([allow, reason.endsWith('no longer in force')], [false, true]);
});
