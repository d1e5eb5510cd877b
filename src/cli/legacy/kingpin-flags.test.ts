import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseKingpin } from './kingpin-flags.ts';

const flags = {
  server: { value: 'URL', help: '', required: true },
  many: { value: 'X', help: '', many: true, initial: 'one' },
  user: { value: 'X', help: '', variable: 'THE_USER' },
  forever: { help: '', initial: 'true' },
} as const;

const parse = (...args: string[]) => parseKingpin(args, flags, ['id'], { THE_USER: 'ann' });
const message = (...args: string[]): string => {
  try {
    parse(...args);
    return '';
  } catch (thrown) {
    return (thrown as Error).message;
  }
};

test('values, switches, positionals in any order, and what stands in for them', () => {
  const all = parse('box', '--server=http://h', '--no-forever', '--many', 'a', '--many=-b');
  assert.deepEqual(all.positionals, ['box']);
  assert.deepEqual([all.text('server'), all.on('forever')], ['http://h', false]);
  assert.deepEqual([all.list('many'), all.text('user')], [['a', '-b'], 'ann']);
  const few = parse('--server', 'x', '--', '--box');
  assert.deepEqual(
    [few.positionals, few.list('many'), few.on('forever')],
    [['--box'], ['one'], true],
  );
  assert.equal(parse('--server', 'x', 'box', '--user', '').text('user'), '');
});

test('what is wrong is named as kingpin names it, without its value', () => {
  assert.equal(message('box'), 'required flag --server not provided, try --help');
  assert.equal(message('--server=x'), "required argument 'id' not provided, try --help");
  assert.equal(message('--server=x', 'a', 'b'), 'unexpected "b", try --help');
  assert.equal(message('--sever=secret'), "unknown long flag '--sever', try --help");
  assert.equal(message('-s'), "unknown short flag '-s', try --help");
  assert.equal(message('--server'), "expected argument for flag '--server', try --help");
  assert.equal(message('--server', '--many'), "expected argument for flag '--server', try --help");
  assert.equal(message('--server=x', '--server=y'), "flag 'server' cannot be repeated, try --help");
  assert.match(message('--forever=false'), /unexpected value for switch/);
  assert.match(message('--constructor=x'), /unknown long flag/);
});

test('whoever asks for help gets it, whatever else is missing', () => {
  assert.equal(parse('--help').asks, 'help');
  assert.equal(parse('--version').asks, 'version');
  assert.equal(parse('--server=x', '--', '--help').asks, null);
});
