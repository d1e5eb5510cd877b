import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CONFIG_VALUES_MAX } from '../limits.ts';
import { parseConfig } from './document.ts';
import { formatProblem } from './problem.ts';

function problemsOf(text: string): string[] {
  return parseConfig('f.yaml', text).problems.map(formatProblem);
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

test('scalars stay the text they were written as', () => {
  const { document } = parseConfig(
    'f.yaml',
    'a: no\nb: 012\nc: 1e3\nd: "3"\ne: 3000\nf: true\ng: 1_000\n',
  );
  assert.deepEqual(plain(document.values), {
    a: 'no',
    b: '012',
    c: '1e3',
    d: '3',
    e: '3000',
    f: 'true',
    g: '1_000',
  });
});

test('nothing written is null, quotes make an empty text', () => {
  const { document } = parseConfig('f.yaml', 'a:\nb: ~\nc: null\nd: ""\ne: "null"\n');
  assert.deepEqual(plain(document.values), { a: null, b: null, c: null, d: '', e: 'null' });
});

test('an empty file, and one of comments, has no values and no problems', () => {
  for (const text of ['', '# nothing\n', '---\n']) {
    const { document, problems } = parseConfig('f.yaml', text);
    assert.deepEqual([plain(document.values), problems], [{}, []]);
  }
});

test('aliases stand for what they repeat', () => {
  const { document, problems } = parseConfig('f.yaml', 'a: &x [1, 2]\nb: *x\n');
  assert.deepEqual(plain(document.values), { a: ['1', '2'], b: ['1', '2'] });
  assert.deepEqual(problems, []);
});

test('keys of the object prototype are plain keys', () => {
  const { document } = parseConfig('f.yaml', '__proto__: {polluted: yes}\nconstructor: 1\n');
  assert.deepEqual(Object.keys(document.values), ['__proto__', 'constructor']);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

const broken: readonly [string, string, string][] = [
  [
    'a duplicate key',
    'a: 1\nb: 2\na: 3\n',
    'f.yaml:3:1: is not valid YAML: the same key stands here twice; keep one of them',
  ],
  [
    'a second document',
    'a: 1\n---\nb: 2\n',
    'f.yaml:2:1: is not valid YAML: a second document begins here; keep one in a file',
  ],
  [
    'a tag',
    'a: !!int 5\n',
    'f.yaml:1:4: is not valid YAML: tags such as !!int mean nothing here; remove it',
  ],
  [
    'a list as key',
    '? [x]\n: 1\n',
    'f.yaml:1:3: has a key that is not a plain word; write KEY: VALUE',
  ],
  [
    'a list as file',
    '- a\n- b\n',
    'f.yaml:1:1: must be keys and values, such as `listen: 0.0.0.0:8080`',
  ],
  [
    'a word as file',
    'hello\n',
    'f.yaml:1:1: must be keys and values, such as `listen: 0.0.0.0:8080`',
  ],
  [
    'an alias of nothing',
    'a: *x\n',
    'f.yaml:1:4: a: stands for *x, which no anchor defines before it; write the value',
  ],
];
for (const [what, text, expected] of broken) {
  test(`${what} is told with its place`, () => assert.deepEqual(problemsOf(text), [expected]));
}

test('syntax errors have a place and leave the file unsound', () => {
  for (const [text, place] of [
    ['a: [1, 2\n', /^f\.yaml:[12]:\d+: is not valid YAML/],
    ['a: "b\n', /^f\.yaml:[12]:\d+: is not valid YAML/],
    ['a: b: c\n', /^f\.yaml:1:\d+: is not valid YAML/],
    ['a:\n\t- b\n', /^f\.yaml:2:1: is not valid YAML: a tab/],
  ] as const) {
    const { problems, sound } = parseConfig('f.yaml', text);
    assert.match(formatProblem(problems[0]), place);
    assert.equal(sound, false);
  }
});

test('an alias bomb is refused, in bounded time', () => {
  const levels = 'abcdefgh'.split('');
  const lines = levels.map((name, index) => {
    const items = Array.from({ length: 10 }, () => (index === 0 ? 'x' : `*${levels[index - 1]}`));
    return `${name}: &${name} [${items.join(', ')}]`;
  });
  const { problems, sound } = parseConfig('f.yaml', lines.join('\n'));
  assert.match(problems[0].message, /holds too many or too deep values/);
  assert.deepEqual([problems.length, sound], [1, false]);
});

test('as many aliases as there may be values cost no more than the values', () => {
  const start = performance.now();
  const { problems } = parseConfig(
    'f.yaml',
    `a: &a 1\nb:\n${'- *a\n'.repeat(CONFIG_VALUES_MAX - 10)}`,
  );
  assert.deepEqual(problems, []);
  assert.ok(performance.now() - start < 10_000);
});

test('an alias means the last anchor before it', () => {
  const { document } = parseConfig('f.yaml', 'a: &x 1\nb: *x\nc: &x 2\nd: *x\n');
  assert.deepEqual(plain(document.values), { a: '1', b: '1', c: '2', d: '2' });
});

test('an alias of itself is refused', () => {
  assert.match(problemsOf('a: &a [*a]\n')[0], /holds too many or too deep values/);
});

test('more values than the limit are refused', () => {
  assert.match(problemsOf(`a: [${'x,'.repeat(CONFIG_VALUES_MAX)}]\n`)[0], /holds too many/);
});

test('positions are those of keys, of values, and of what is around the missing', () => {
  const { document } = parseConfig('f.yaml', 'a: 1\nlist:\n  - name: x\n    port: 2\n  - y\n');
  assert.deepEqual(document.position(['a']), { line: 1, column: 4 });
  assert.deepEqual(document.position(['a'], 'key'), { line: 1, column: 1 });
  assert.deepEqual(document.position(['list', 0, 'port']), { line: 4, column: 11 });
  assert.deepEqual(document.position(['list', 0, 'port'], 'key'), { line: 4, column: 5 });
  assert.deepEqual(document.position(['list', 0, 'missing']), { line: 3, column: 5 });
  assert.deepEqual(document.position(['list', 1]), { line: 5, column: 5 });
  assert.deepEqual(document.position(['list', 7]), { line: 3, column: 3 });
});

test('no text makes the parser throw, and every place is in the file', () => {
  const yamlish = fc.array(
    fc.constantFrom(
      'a',
      'b: ',
      '- ',
      '\n',
      '  ',
      '&x ',
      '*x',
      '[',
      ']',
      '{',
      '}',
      ',',
      '"',
      "'",
      '#',
      '|',
      '>',
      '? ',
      '!!int ',
      '---\n',
      '\t',
      '%YAML',
    ),
    {
      maxLength: 40,
    },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        yamlish.map((parts) => parts.join('')),
        fc.string(),
      ),
      (text) => {
        const lines = text.split('\n').length;
        for (const { position } of parseConfig('f.yaml', text).problems) {
          assert.ok(
            position !== undefined &&
              position.line >= 1 &&
              position.line <= lines + 1 &&
              position.column >= 1,
          );
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
