/** Scripts of policies that loop, eat memory, or try to get out: they cost their own question, and nothing else. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LUA_WORKERS_MAX, POLICY_QUESTIONS_MAX } from '../../src/limits.ts';
import { decide, luaPolicy, startService } from '../support/policies.ts';

const connect = (body: string): string => `function connect(request) ${body}\nend`;

describe('processor time', () => {
  const loops: [string, string][] = [
    ['a loop', 'while true do end'],
    [
      'a loop that catches what would stop it',
      'while true do pcall(function() while true do end end) end',
    ],
    ['a search that never ends', 'return (("a"):rep(300000)):find((".-"):rep(6) .. "b")'],
    ['coroutines', 'while true do coroutine.wrap(function() coroutine.yield(1) end)() end'],
    [
      'an error that catches itself',
      'local function f() return xpcall(f, f) end while true do f() end',
    ],
    [
      'a metamethod',
      'local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) while true do pcall(function() return t[1] end) end',
    ],
  ];
  for (const [name, body] of loops) {
    test(`${name} is ended, and the next question is answered`, async (t) => {
      const policy = await luaPolicy(
        t,
        connect(`if request:gatename() == "box" then return true end ${body}`),
      );
      const looping = await decide(policy, { service: 'loop' });
      assert.equal(looping.allow, false);
      assert.match(looping.reason, /it took more than 100 ms of processor time$/);
      assert.equal((await decide(policy)).allow, true);
    });
  }

  test('a loop as the script begins', async (t) => {
    const policy = await luaPolicy(t, 'while true do end');
    const { allow, reason } = await decide(policy);
    assert.deepEqual([allow, reason.endsWith('100 ms of processor time')], [false, true]);
  });

  test('waiting for a service is no use of the processor', async (t) => {
    const url = await startService(t, (_, response) => {
      setTimeout(() => response.end(), 300);
    });
    const body = `return require("http").get("${url.href}").status_code == 200`;
    const policy = await luaPolicy(t, connect(body));
    assert.equal((await decide(policy)).allow, true);
  });

  test('questions beside those that loop get their own answers', async (t) => {
    const policy = await luaPolicy(
      t,
      connect(
        'if request:gatename():sub(1, 4) == "loop" then while true do end end return request:gatename() == "yes"',
      ),
    );
    const services = [
      'yes',
      'loop-1',
      'no',
      'yes',
      'loop-2',
      'loop-3',
      'no',
      'loop-4',
      'loop-5',
      'yes',
    ];
    const decisions = await Promise.all(services.map((service) => decide(policy, { service })));
    assert.deepEqual(
      decisions.map(({ allow }) => allow),
      services.map((service) => service === 'yes'),
    );
  });

  test('the event loop of the server goes on while all threads are busy', async (t) => {
    const policy = await luaPolicy(t, connect('while true do end'));
    const looping = Promise.all(Array.from({ length: 3 * LUA_WORKERS_MAX }, () => decide(policy)));
    const over = new AbortController();
    void looping.finally(() => over.abort());
    let turns = 0;
    while (!over.signal.aborted) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    assert.ok(turns > 1_000, `${turns} turns`);
    for (const { allow } of await looping) assert.equal(allow, false);
  });
});

describe('memory', () => {
  const eaters: [string, string][] = [
    ['many strings', 'local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end'],
    ['one string', 'local s = "x" while true do s = s .. s end'],
    ['a huge string at once', 'return ("x"):rep(1 << 40)'],
    ['a table', 'local t = {} for i = 1, 1 << 30 do t[i] = i end'],
    ['recursion', 'local function f(...) return 1 + f(1, ...) end return f()'],
    ['threads', 'local t = {} while true do t[#t + 1] = coroutine.create(function() end) end'],
  ];
  for (const [name, body] of eaters) {
    test(`${name}: refused, and the next question is answered`, async (t) => {
      const policy = await luaPolicy(
        t,
        connect(`if request:gatename() == "box" then return true end ${body}`),
      );
      const before = process.memoryUsage().rss;
      for (let i = 0; i < 3; i++) {
        const { allow, reason } = await decide(policy, { service: 'eat' });
        assert.equal(allow, false);
        assert.match(reason, /memory|processor time|overflow|too large/);
      }
      assert.equal((await decide(policy)).allow, true);
      const grown = (process.memoryUsage().rss - before) / 1024 / 1024;
      assert.ok(grown < 150, `${grown} MB`);
    });
  }
});

describe('what a script cannot reach', () => {
  test('files, processes, modules, byte code, the inside of the program', async (t) => {
    const names = [
      'io',
      'os',
      'debug',
      'package',
      'dofile',
      'loadfile',
      'collectgarbage',
      'warn',
      '__exchange',
      'process',
      'fetch',
      'js',
      'null',
    ];
    const list = names.map((name) => `"${name}"`).join(', ');
    const policy = await luaPolicy(
      t,
      connect(`local found = ""
        for _, name in ipairs({${list}}) do if _G[name] ~= nil then found = found .. name .. " " end end
        if ("").dump or string.dump then found = found .. "dump " end
        return found == "", found`),
    );
    assert.deepEqual(await decide(policy), {
      allow: true,
      reason: 'policy[0] access.lua allows it',
    });
  });

  const attempts: [string, string, RegExp][] = [
    ['require of anything else', 'require("os")', /there is no module os/],
    ['require of a file', 'require("/etc/passwd")', /there is no module \/etc\/passwd/],
    ['byte code', 'return load("\\27Lua")()', /attempt to call a nil value/],
    [
      'byte code, asked for',
      'local f, why = load("\\27Lua", "x", "b") error(why)',
      /attempt to load a binary chunk/,
    ],
    [
      'the constructor of an object',
      'return request.constructor.constructor("return 1")()',
      /attempt to index a nil value/,
    ],
    ['the environment of a function', 'return setfenv(1, {})', /attempt to call a nil value/],
    [
      'a metatable of what is outside',
      'return getmetatable(require("http").get).__index',
      /attempt to index a nil value/,
    ],
  ];
  for (const [name, body, why] of attempts) {
    test(name, async (t) => {
      const policy = await luaPolicy(t, connect(body));
      const { allow, reason } = await decide(policy);
      assert.equal(allow, false);
      assert.match(reason, why);
    });
  }

  test('what it prints goes nowhere', async (t) => {
    const written: unknown[] = [];
    const note = (piece: unknown): boolean => written.push(piece) > 0;
    t.mock.method(process.stdout, 'write', note);
    t.mock.method(process.stderr, 'write', note);
    const policy = await luaPolicy(t, connect('print("CANARY") return true'));
    const { allow } = await decide(policy);
    t.mock.restoreAll();
    assert.equal(allow, true);
    assert.doesNotMatch(written.map(String).join(), /CANARY/);
  });

  test('it cannot replace what judges its answer', async (t) => {
    const policy = await luaPolicy(
      t,
      `type = function() return "boolean" end
       tostring = function() return "true" end
       rawget = function() return function() return true end end
       pcall = function() return true, true end
       string.format = function() return '{"allow":true}' end
       table.concat = function() return '{"allow":true}' end
       setmetatable(_G, {__index = function() return function() return true end end})
       function connect() return "yes" end`,
    );
    const { allow, reason } = await decide(policy);
    assert.deepEqual([allow, /connect answered a string/.test(reason)], [false, true]);
  });
});

test('questions that wait for a script are bounded', async (t) => {
  const policy = await luaPolicy(t, connect('return true'));
  const count = POLICY_QUESTIONS_MAX + LUA_WORKERS_MAX + 10;
  const decisions = await Promise.all(Array.from({ length: count }, () => decide(policy)));
  const refused = decisions.filter(({ allow }) => !allow);
  assert.ok(refused.length > 0 && refused.length <= 10 + LUA_WORKERS_MAX, `${refused.length}`);
  for (const { reason } of refused) assert.match(reason, /1000 questions wait for it already$/);
});

test('closing ends what loops, and refuses what waits', async (t) => {
  const policy = await luaPolicy(t, connect('while true do end'));
  const decisions = Array.from({ length: 50 }, () => decide(policy));
  policy.close();
  for (const { allow, reason } of await Promise.all(decisions)) {
    assert.equal(allow, false);
    assert.match(reason, /no longer in force$/);
  }
  assert.equal((await decide(policy)).allow, false);
});
