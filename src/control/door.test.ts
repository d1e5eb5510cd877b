import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { playControl, tokens } from '../../test/support/control.ts';
import { GUESSES_FREE } from '../limits.ts';

const status = '/api/v1/status';

describe('who may come in', () => {
  const basic = Buffer.from(`ann:${tokens.admin}`).toString('base64');
  const cases: [string, string[], number, string?][] = [
    ['an admin by bearer token', [], 200],
    ['an admin by name and token', [`Authorization: Basic ${basic}`], 200],
    ['nobody', ['Authorization:'], 401, 'AUTH_REQUIRED'],
    ['a token that is not known', ['Authorization: Bearer sp_wrong'], 401, 'AUTH_FAILED'],
    ['somebody who is no admin', [`Authorization: Bearer ${tokens.agent}`], 403, 'DENIED'],
    ['two credentials', ['Authorization: Bearer a', 'Authorization: Bearer b'], 400],
  ];
  for (const [who, fields, expected, code] of cases) {
    test(who, async (t) => {
      const { ask, events } = await playControl(t);
      const answer = await ask('GET', status, fields);
      assert.equal(answer.status, expected);
      if (code !== undefined) assert.equal(answer.error()[0], code);
      const told = events.since(0)!.map(({ type }) => type);
      assert.deepEqual(told, code === 'AUTH_FAILED' || code === 'DENIED' ? ['auth.failed'] : []);
      if (expected === 401) assert.match(answer.head, /\r\nWWW-Authenticate: Bearer /i);
    });
  }

  test('who guesses waits, and is not listened to meanwhile', async (t) => {
    const { ask } = await playControl(t);
    for (let i = 0; i < GUESSES_FREE; i++)
      assert.equal((await ask('GET', status, ['Authorization: Bearer sp_guess'])).status, 401);
    const answer = await ask('GET', status);
    assert.deepEqual([answer.status, answer.error()[0]], [429, 'TOO_MANY_GUESSES']);
  });
});

describe('under which names', () => {
  const cases: [string, number][] = [
    ['own.test', 200],
    ['OWN.test:8080', 200],
    ['own.test.', 200],
    ['localhost:1', 200],
    ['127.0.0.1', 200],
    ['[::1]:8080', 200],
    ['192.0.2.7', 200],
    ['rebind.evil', 403],
    ['own.test.rebind.evil', 403],
    ['localhost.rebind.evil', 403],
    ['127.0.0.1.nip.io', 403],
    ['web.services.test', 404],
  ];
  for (const [host, expected] of cases) {
    test(host, async (t) => {
      const { ask } = await playControl(t);
      const answer = await ask('GET', status, [`Host: ${host}`]);
      assert.equal(answer.status, expected);
      if (expected === 403) assert.equal(answer.error()[0], 'CONTROL_DENIED');
      if (expected === 404) assert.equal(answer.error()[0], 'ROUTE_UNKNOWN', 'a service’s');
    });
  }

  test('none at all', async (t) => {
    const { connect } = await playControl(t);
    const bearer = `Authorization: Bearer ${tokens.admin}`;
    const client = (await connect()).send(`GET ${status} HTTP/1.0\r\n${bearer}\r\n\r\n`);
    assert.match(await client.untilEnd(), /^HTTP\/1\.1 403 /);
  });
});

describe('from which pages', () => {
  const cases: [string, string[], number][] = [
    ['one that is listed', ['Origin: https://ops.test'], 200],
    ['another', ['Origin: https://evil.test'], 403],
    ['its own host, which services share', ['Origin: http://own.test'], 403],
    ['one without an origin of its own', ['Origin: null'], 403],
    ['the listed one without TLS', ['Origin: http://ops.test'], 403],
    ['two at once', ['Origin: https://ops.test', 'Origin: https://evil.test'], 400],
    ['an image of another site', ['Sec-Fetch-Site: cross-site'], 403],
    ['an image of a sister site', ['Sec-Fetch-Site: same-site'], 403],
    ['the address bar', ['Sec-Fetch-Site: none'], 200],
  ];
  for (const [page, fields, expected] of cases) {
    test(page, async (t) => {
      const { ask } = await playControl(t);
      const answer = await ask('GET', status, fields);
      assert.equal(answer.status, expected);
      const allowed = /\r\naccess-control-allow-origin: https:\/\/ops\.test\r\n/i;
      assert.equal(allowed.test(answer.head), page === 'one that is listed');
    });
  }

  test('a browser that asks first is told yes for a listed page only', async (t) => {
    const { ask } = await playControl(t);
    const asking = ['Access-Control-Request-Method: POST', 'Authorization:'];
    const yes = await ask('OPTIONS', status, ['Origin: https://ops.test', ...asking]);
    assert.equal(yes.status, 200);
    assert.match(yes.head, /Access-Control-Allow-Headers: Authorization/);
    const no = await ask('OPTIONS', status, ['Origin: https://evil.test', ...asking]);
    assert.equal(no.status, 403);
    assert.doesNotMatch(no.head, /access-control/i);
    assert.equal((await ask('OPTIONS', status, asking)).status, 403);
  });
});
