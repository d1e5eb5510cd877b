import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { temporaryFolder } from '../../../../test/support/files.ts';
import { POLICY_ANSWER_MAX_BYTES } from '../../../limits.ts';
import { createIdentity } from '../../identity.ts';
import type { AccessRequest, Decision, Policy } from '../policy.ts';
import { createLuaPolicy } from './driver.ts';

const question: AccessRequest = {
  action: 'connect',
  identity: null,
  service: 'agent2',
  target: { host: '10.0.0.1', port: 22 },
  consumer: '192.0.2.7:4711',
  key: 'CANARY',
};

async function load(t: TestContext, script: string): Promise<Policy> {
  const file = path.join(temporaryFolder(t), 'access.lua');
  fs.writeFileSync(file, script);
  const policy = await createLuaPolicy({ file, place: 'policy[1]' });
  t.after(() => policy.close());
  return policy;
}

/** The decision of a script whose `connect` has this body. */
async function decide(
  t: TestContext,
  body: string,
  asked: Partial<AccessRequest> = {},
): Promise<Decision> {
  const policy = await load(t, `function connect(request) ${body}\nend`);
  return policy.authorize({ ...question, ...asked });
}

async function serve(t: TestContext, answer: http.RequestListener): Promise<string> {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the answer', () => {
  const cases: [string, Decision][] = [
    ['return true', { allow: true, reason: 'policy[1] access.lua allows it' }],
    ['return false', { allow: false, reason: 'policy[1] access.lua denies it' }],
    [
      'return false, "not at night"',
      { allow: false, reason: 'policy[1] access.lua denies it: not at night' },
    ],
    ['return true, {}', { allow: true, reason: 'policy[1] access.lua allows it' }],
    [
      'return true, "\\27[2J\\r\\n" .. request:key()',
      { allow: true, reason: 'policy[1] access.lua allows it: \\u{1b}[2J\\u{d}\\u{a}***' },
    ],
    [
      'return true, ("x"):rep(1000)',
      { allow: true, reason: `policy[1] access.lua allows it: ${'x'.repeat(200)}…` },
    ],
  ];
  for (const [body, decision] of cases)
    test(body, async (t) => assert.deepEqual(await decide(t, body), decision));
});

describe('no answer is a refusal', () => {
  const cases: [string, RegExp][] = [
    ['', /connect answered a nil, neither true nor false$/],
    ['return "yes"', /connect answered a string/],
    ['return 1', /connect answered a number/],
    ['return {allow = true}', /connect answered a table/],
    ['error("who knows")', /access\.lua:1: who knows$/],
    ['error("the key is " .. request:key())', /the key is \*\*\*$/],
    ['error({})', /table: /],
    ['error()', /nil$/],
    ['error(setmetatable({}, {__tostring = error}))', /an error without words$/],
    ['return request:nonsense()', /attempt to call a nil value/],
    ['return coroutine.yield()', /yield/],
    ['return (function() return 1 + recurse end)()', /attempt to perform arithmetic/],
    ['local function f() return 1 + f() end return f()', /overflow|not enough memory/],
  ];
  for (const [body, why] of cases) {
    test(body || 'nothing', async (t) => {
      const { allow, reason } = await decide(t, body);
      assert.equal(allow, false);
      assert.match(reason, /^policy\[1\] access\.lua gave no answer: /);
      assert.match(reason, why);
      assert.doesNotMatch(reason, /CANARY/);
    });
  }

  test('a script without a function connect, and one that fails as it begins', async (t) => {
    const none = await load(t, 'local function connect() return true end');
    assert.match((await none.authorize(question)).reason, /there is no global function connect$/);
    const failing = await load(t, 'error("at once")\nfunction connect() return true end');
    assert.match((await failing.authorize(question)).reason, /at once$/);
  });
});

test('the request tells what is asked', async (t) => {
  const names = ['ip', 'port', 'gatename', 'key', 'action', 'identity', 'consumer'];
  const text = names.map((name) => `tostring(request:${name}())`).join(' .. "|" .. ');
  const policy = await load(
    t,
    `function connect(request) return true, math.type(request:port()) .. " " .. ${text} end`,
  );
  const ann = createIdentity({ name: 'ann', authority: 'tokens', roles: ['consumer'] });
  const said = async (asked: Partial<AccessRequest>): Promise<string> =>
    (await policy.authorize({ ...question, ...asked })).reason.split('allows it: ')[1];
  assert.equal(
    await said({ identity: ann, key: 'a-key' }),
    'integer 10.0.0.1|22|agent2|***|connect|ann|192.0.2.7:4711',
  );
  assert.equal(
    await said({ target: null, key: null, action: 'http' }),
    'integer |0|agent2||http||192.0.2.7:4711',
  );
});

test('a key is compared whole, byte 0 included', async (t) => {
  const policy = await load(t, 'function connect(r) return r:key() == "a\\0b" end');
  assert.equal((await policy.authorize({ ...question, key: 'a\0b' })).allow, true);
  assert.equal((await policy.authorize({ ...question, key: 'a' })).allow, false);
});

test('every question begins with a fresh state', async (t) => {
  const policy = await load(
    t,
    'count = (count or 0) + 1\nstring.marked = (string.marked or 0) + 1\nfunction connect() return count == 1 and string.marked == 1 end',
  );
  for (let i = 0; i < 3; i++) assert.equal((await policy.authorize(question)).allow, true);
});

test('steps are told', async (t) => {
  const policy = await load(t, 'function connect() return false, "no" end');
  const steps: unknown[] = [];
  await policy.authorize(question, (step) => steps.push(step));
  assert.deepEqual(steps, [{ place: 'policy[1] access.lua', outcome: 'denies it: no' }]);
});

describe('a script that cannot be used is refused when it is loaded', () => {
  const refused = async (t: TestContext, content: string | Buffer, why: RegExp): Promise<void> => {
    const file = path.join(temporaryFolder(t), 'access.lua');
    fs.writeFileSync(file, content);
    await assert.rejects(createLuaPolicy({ file, place: 'policy[0]' }), (error: Error) => {
      assert.equal((error as { code?: string }).code, 'CONFIG_INVALID');
      assert.match(error.message, /^policy\[0\]: .*access\.lua: /);
      assert.match(error.message, why);
      return true;
    });
  };
  test('no Lua', (t) => refused(t, 'function connect(', /access\.lua:1: /));
  test('byte code', (t) => refused(t, '\u001bLua', /attempt to load a binary chunk/));
  test('no text', (t) => refused(t, Buffer.from([0xff, 0xfe]), /is no UTF-8 text/));
  test('a byte 0', (t) => refused(t, 'x = 1\0', /holds a byte 0/));
  test('far too long', (t) => refused(t, Buffer.alloc(300_000, ' '), /is larger than/));
  test('not there', async () => {
    const absent = createLuaPolicy({ file: '/nowhere/access.lua', place: 'policy[0]' });
    await assert.rejects(absent, { code: 'CONFIG_INVALID', message: /cannot be read: ENOENT/ });
  });
});

test('the contract of Hubble: asks a service, 200 allows, 404 denies, the rest is an error', async (t) => {
  const seen: (string | undefined)[] = [];
  const url = await serve(t, (request, response) => {
    seen.push(request.url);
    const { searchParams } = new URL(request.url!, 'http://x');
    response.statusCode = Number(searchParams.get('key'));
    response.end();
  });
  const policy = await load(
    t,
    `local http = require("http")
    local function escaped(text)
      return (text:gsub("[^%w]", function(c) return string.format("%%%02X", c:byte()) end))
    end
    function connect(request)
      asked = "${url}/may?ip=" .. escaped(request:ip()) .. "&port=" .. request:port()
      asked = asked .. "&gatename=" .. escaped(request:gatename()) .. "&key=" .. escaped(request:key())
      reply, err = http.get(asked)
      if err then error(err) end
      if reply.status_code == 200 then return true end
      if reply.status_code == 404 then return false end
      error("status " .. reply.status_code)
    end`,
  );
  const asked = async (key: string): Promise<Decision> =>
    policy.authorize({ ...question, key, service: 'a b' });
  assert.equal((await asked('200')).allow, true);
  assert.match((await asked('404')).reason, /denies it$/);
  assert.match((await asked('500')).reason, /gave no answer: access\.lua:\d+: status \*\*\*$/);
  assert.equal(seen[0], '/may?ip=10%2E0%2E0%2E1&port=22&gatename=a%20b&key=200');
});

describe('the module http', () => {
  test('methods, fields, bodies and queries', async (t) => {
    const url = await serve(t, (request, response) => {
      const seen = [
        request.method,
        request.url,
        request.headers['x-a'],
        request.headers['content-type'],
      ];
      request.on('data', (piece: Buffer) => seen.push(piece.toString()));
      request.on('end', () => {
        response.writeHead(201, { 'X-Answer': 'yes' }).end(JSON.stringify(seen));
      });
    });
    const { reason } = await decide(
      t,
      `local http, json = require("http"), require("json")
      local a = http.post("${url}/p", {query = "a=1", headers = {["X-A"] = 5}, body = "text"})
      local b = http.request("PUT", "${url}/q?b", {query = "c=2", form = "d=3"})
      return true, a.status_code .. a.headers["X-Answer"] .. a.body_size .. a.body .. json.decode(b.body)[2]`,
    );
    assert.match(reason, /: 201yes\d+\["POST","\/p\?a=1","5",null,"text"\]\/q\?b&c=2$/);
  });

  test('what goes wrong is a second result, without the address that was called', async (t) => {
    const url = await serve(t, (request, response) => {
      const [, way] = request.url!.split('/');
      if (way === 'long') response.end(Buffer.alloc(POLICY_ANSWER_MAX_BYTES + 1, 'x'));
      else if (way === 'binary') response.end(Buffer.from([0xff]));
      else response.destroy();
    });
    const said = async (call: string): Promise<string> => {
      const body = `local reply, why = require("http").get("${call}")\nreturn reply ~= nil, why`;
      const { allow, reason } = await decide(t, body);
      assert.equal(allow, false);
      return reason.split('denies it: ')[1];
    };
    assert.match(await said(`${url}/long`), /^http: its answer has more than \d+ bytes$/);
    assert.match(await said(`${url}/binary`), /^http: .*not valid/);
    assert.match(await said(`${url}/cut`), /^http: no connection \(ECONNRESET\)$/);
    assert.match(await said('http://127.0.0.1:1/'), /^http: no connection/);
    assert.match(await said('file:///etc/passwd'), /^http: what is to be called is no URL/);
    assert.match(await said('nonsense'), /^http: what is to be called is no URL/);
  });

  test('redirects are not followed', async (t) => {
    const paths: (string | undefined)[] = [];
    const url = await serve(t, (request, response) => {
      paths.push(request.url);
      response.writeHead(302, { Location: '/elsewhere' }).end();
    });
    const { reason } = await decide(
      t,
      `return true, require("http").get("${url}/").status_code .. ""`,
    );
    assert.match(reason, /: 302$/);
    assert.deepEqual(paths, ['/']);
  });

  test('an option that is unknown is an error: it might have been there to protect', async (t) => {
    const { reason } = await decide(t, 'require("http").get("http://x", {cookies = {}})');
    assert.match(reason, /http: there is no option cookies$/);
  });
});
