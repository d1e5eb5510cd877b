import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SallyportError } from '../../errors.ts';
import { describeGoFlags, parseGoFlags } from './go-flags.ts';

const flags = {
  name: { value: 'NAME', help: 'a name' },
  listen: { value: 'ADDRESS', help: 'where', initial: ':8080' },
  allow: { value: 'RULE', help: 'what' },
  quiet: { help: 'say nothing' },
} as const;

test('values follow a flag or its equals sign, after one hyphen or two', () => {
  for (const args of [
    ['-name', 'box'],
    ['-name=box'],
    ['--name', 'box'],
    ['--name=box'],
    ['-name=other', '-name', 'box'],
  ]) {
    assert.equal(parseGoFlags(args, flags).text('name'), 'box', args.join(' '));
  }
  assert.equal(parseGoFlags(['-name=a=b'], flags).text('name'), 'a=b');
  assert.equal(parseGoFlags(['-name', '-quiet'], flags).text('name'), '-quiet');
  assert.deepEqual(parseGoFlags(['-allow', 'a', '-allow=b'], flags).list('allow'), ['a', 'b']);
});

test('what is not given has its initial value, or none', () => {
  const { text, list, on } = parseGoFlags([], flags);
  assert.deepEqual([text('name'), text('listen'), on('quiet')], [undefined, ':8080', false]);
  assert.deepEqual(list('allow'), []);
});

test('switches take a value with an equals sign only', () => {
  const { on, rest } = parseGoFlags(['-quiet', 'true'], flags);
  assert.deepEqual([on('quiet'), rest], [true, ['true']]);
  assert.equal(parseGoFlags(['-quiet=false'], flags).on('quiet'), false);
  assert.throws(() => parseGoFlags(['-quiet=maybe'], flags), refusal(/invalid boolean/));
});

test('the first other word, a lone hyphen and -- end the flags', () => {
  assert.deepEqual(parseGoFlags(['rule', '-quiet'], flags).rest, ['rule', '-quiet']);
  assert.deepEqual(parseGoFlags(['-', '-quiet'], flags).rest, ['-', '-quiet']);
  assert.deepEqual(parseGoFlags(['-quiet', '--', '-name'], flags).rest, ['-name']);
});

test('an unknown flag and a missing value are refused, and no value is repeated', () => {
  assert.throws(() => parseGoFlags(['-nam=secret'], flags), refusal(/not defined: -nam$/));
  assert.throws(() => parseGoFlags(['-constructor'], flags), refusal(/not defined/));
  assert.throws(() => parseGoFlags(['-name'], flags), refusal(/needs an argument: -name/));
});

test('the help has every flag with its default', () => {
  const text = describeGoFlags(flags);
  assert.match(text, /^ {2}-name NAME\n/);
  assert.match(text, /-listen ADDRESS\n\s+where \(default ":8080"\)/);
  assert.match(text, / {2}-quiet\n/);
});

function refusal(message: RegExp) {
  return (error: unknown): boolean =>
    error instanceof SallyportError && error.code === 'USAGE' && message.test(error.message);
}
