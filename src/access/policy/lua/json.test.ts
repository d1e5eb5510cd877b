import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LuaFactory } from 'wasmoon';
import { LUA_JSON } from './json.ts';

const engine = await new LuaFactory().createEngine({ injectObjects: false, enableProxy: false });

/** Text to Lua's value and back to text; or what is wrong. */
const back = engine.doStringSync(`${LUA_JSON}
return function(text)
  local value, wrong = json.decode(text)
  if wrong then return 'wrong: ' .. wrong end
  local again, unfit = json.encode(value)
  return again or 'unfit: ' .. unfit
end`) as (text: string) => string;

/** The text of a Lua expression's value, or what is wrong with it. */
function encoded(expression: string): unknown {
  return engine.doStringSync(`${LUA_JSON}
local text, unfit = json.encode(${expression})
return text or 'unfit: ' .. unfit`);
}

/** What survives: null is nil, and an empty object an empty list. */
function expected(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expected);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null);
  return entries.length === 0
    ? []
    : Object.fromEntries(entries.map(([key, inner]) => [key, expected(inner)]));
}

const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
  fc.boolean(),
);
const values = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, leaf, tie('list'), tie('object')),
  list: fc.array(tie('any'), { maxLength: 5 }),
  object: fc.dictionary(fc.string(), fc.oneof(fc.constant(null), tie('any')), { maxKeys: 5 }),
})).any;

test('what JSON.stringify writes is read, and what is written JSON.parse reads', () => {
  fc.assert(
    fc.property(values, fc.constantFrom(0, 2), (value, space) => {
      const written = JSON.stringify(value, null, space);
      assert.deepEqual(JSON.parse(back(written)), expected(JSON.parse(written)));
    }),
    { numRuns: 500 },
  );
});

test('it reads what JSON.parse reads, and refuses what that refuses', () => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '1',
    '-',
    '0',
    '.5',
    'e3',
    'true',
    'nul',
    'null',
    ' ',
    '\\n',
    '\\u00e4',
    '\\x',
  ];
  const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((list) => list.join(''));
  const readable = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(texts, (text) => {
      assert.equal(!back(text).startsWith('wrong: '), readable(text), text);
    }),
    { numRuns: 5_000 },
  );
});

describe('strings', () => {
  const cases: [string, string][] = [
    ['"\\u0000\\u001f\\"\\\\\\/"', '"\\u0000\\u001f\\u0022\\u005c/"'],
    ['"\\ud83d\\ude00"', '"😀"'],
    ['"\\ud83dx"', '"\ufffdx"'],
    ['"\\ude00\\ud83d"', '"\ufffd\ufffd"'],
    ['"\u007f"', '"\\u007f"'],
  ];
  for (const [text, written] of cases) test(text, () => assert.equal(back(text), written));

  for (const text of ['"\u0001"', '"\\u12g4"', '"\\q"', '"a', '"\\'])
    test(`not ${JSON.stringify(text)}`, () => assert.match(back(text), /^wrong: json: .* at byte/));
});

test('numbers: whole ones stay whole', () => {
  assert.equal(back('[1, -0, 1.5, 1e3, 9007199254740993]'), '[1,0,1.5,1000,9007199254740993]');
  assert.match(back('01'), /^wrong/);
});

test('nesting is bounded both ways', () => {
  const deep = (n: number): string => '['.repeat(n) + ']'.repeat(n);
  assert.equal(back(deep(100)), deep(100));
  assert.match(back(deep(101)), /^wrong: json: too deep/);
  assert.match(back(deep(100_000)), /^wrong: json: too deep/);
  assert.match(
    String(encoded('(function() local t = {} t.t = t return t end)()')),
    /^unfit: json: too deep/,
  );
});

test('what has no form in JSON is refused', () => {
  for (const expression of ['print', '0/0', '1/0', '{1, 2, a = 3}', '{[1.5] = 1}', '{[true] = 1}'])
    assert.match(String(encoded(expression)), /^unfit: json: /, expression);
  assert.equal(encoded('nil'), 'null');
  assert.equal(encoded('{a = {1, 2}}'), '{"a":[1,2]}');
});
