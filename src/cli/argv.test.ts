import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fieldsOf } from '../config/fields.ts';
import { schemas } from '../config/schema.ts';
import { SallyportError } from '../errors.ts';
import { parseArguments } from './argv.ts';
import { commands } from './table.ts';

const fields = fieldsOf(schemas.http);
const { positionals } = commands.http;

function parse(...args: string[]) {
  return parseArguments(args, fields, positionals);
}

const accepted: readonly [string[], ReturnType<typeof parse>][] = [
  [['3000'], { flags: {}, positionals: ['3000'] }],
  [['3000', '--name', 'web'], { flags: { name: 'web' }, positionals: ['3000'] }],
  [['--name=web', '3000'], { flags: { name: 'web' }, positionals: ['3000'] }],
  [['--name=a=b', '3000'], { flags: { name: 'a=b' }, positionals: ['3000'] }],
  [['--name=', '3000'], { flags: { name: '' }, positionals: ['3000'] }],
  [['--name', '', '3000'], { flags: { name: '' }, positionals: ['3000'] }],
  [['--name=-x', '3000'], { flags: { name: '-x' }, positionals: ['3000'] }],
  [['--keep-trying', '3000'], { flags: { keep_trying: 'true' }, positionals: ['3000'] }],
  [['--no-keep-trying', '3000'], { flags: { keep_trying: 'false' }, positionals: ['3000'] }],
  [['--keep-trying=off', '3000'], { flags: { keep_trying: 'off' }, positionals: ['3000'] }],
  [['--host', 'a', '3000', '--host=b'], { flags: { host: ['a', 'b'] }, positionals: ['3000'] }],
  [['--name', 'web', '--', '--odd'], { flags: { name: 'web' }, positionals: ['--odd'] }],
  [['-'], { flags: {}, positionals: ['-'] }],
];
for (const [args, expected] of accepted) {
  test(`sallyport http ${args.join(' ')}`, () => assert.deepEqual(parse(...args), expected));
}

test('a letter stands for its flag', () => {
  const watching = (...args: string[]) =>
    parseArguments(args, fieldsOf(schemas.ls), commands.ls.positionals).flags;
  assert.deepEqual(watching('-w', '--service', 'a'), { watch: 'true', service: ['a'] });
  assert.throws(() => watching('-w', '--watch'), {
    message: '--watch: is given twice; give it once',
  });
  assert.throws(() => watching('-x'), { code: 'USAGE' });
});

const refused: readonly [string[], string][] = [
  [[], 'TARGET is missing; --help shows what belongs there'],
  [['1', '2'], 'takes 1 × TARGET, not 2; --help shows what belongs there'],
  [['1', '--nmae', 'x'], '--nmae: is no option of this command; did you mean --name?'],
  [['1', '--whatever'], '--whatever: is no option of this command; --help lists them'],
  [['1', '-name', 'x'], '-name: is no option of this command; write --name'],
  [['1', '-n', 'x'], '-n: is no option of this command; --help lists them'],
  [['1', '--tcp-ports=1-2'], '--tcp-ports: is no option of this command; --help lists them'],
  [['1', '--no-name'], '--no-name: is no option of this command; --help lists them'],
  [
    ['1', '--no-keep-trying=true'],
    '--no-keep-trying: takes no value; write --no-keep-trying or --keep-trying',
  ],
  [
    ['1', '--name'],
    '--name: its value is missing; write --name NAME, or --name=VALUE if it starts with a hyphen',
  ],
  [
    ['1', '--name', '--json'],
    '--name: its value is missing; write --name NAME, or --name=VALUE if it starts with a hyphen',
  ],
  [['1', '--name', 'a', '--name', 'b'], '--name: is given twice; give it once'],
  [['1', '--__proto__=x'], '--__proto__: is no option of this command; --help lists them'],
];
for (const [args, message] of refused) {
  test(`refused: sallyport http ${args.join(' ')}`, () => {
    assert.throws(
      () => parse(...args),
      (thrown) =>
        thrown instanceof SallyportError && thrown.code === 'USAGE' && thrown.message === message,
    );
  });
}

test('messages hold no value, which may be a secret in the wrong place', () => {
  for (const args of [
    ['1', '--tokn=canary'],
    ['1', 'canary'],
    ['1', '--token', 'canary', '--token', 'canary'],
    ['1', '--no-token=canary'],
  ]) {
    assert.throws(
      () => parse(...args),
      (thrown) => !(thrown as Error).message.includes('canary'),
    );
  }
});

test('commands without arguments refuse them, rules may be many', () => {
  assert.throws(
    () => parseArguments(['x'], fieldsOf(schemas.server), commands.server.positionals),
    /takes options only/,
  );
  const rules = ['1:a', '2:b', '3:c'];
  assert.deepEqual(
    parseArguments(rules, fieldsOf(schemas.forward), commands.forward.positionals).positionals,
    rules,
  );
});

test('whatever the values, flags written with = read back, before and after the target', () => {
  const values = fc.record(
    {
      name: fc.string(),
      path: fc.string(),
      host: fc.array(fc.string(), { minLength: 1, maxLength: 3 }),
      auth: fc.string(),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(
    fc.property(
      values,
      fc.string().filter((text) => !text.startsWith('-')),
      (flags, target) => {
        const args = Object.entries(flags).flatMap(([key, value]) =>
          [value].flat().map((item) => `--${key}=${item}`),
        );
        assert.deepEqual(parse(...args, target), { flags, positionals: [target] });
        assert.deepEqual(parse(target, ...args), {
          flags,
          positionals: [target],
        });
      },
    ),
  );
});
