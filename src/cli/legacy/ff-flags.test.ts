import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SallyportError } from '../../errors.ts';
import { describeFf, fromVariables, parseFf, type FfFlag } from './ff-flags.ts';

const flags = {
  log: { short: 'l', value: 'LEVEL', help: 'what to log', initial: 'info' },
  'server-name': { short: 'n', value: 'STRING', help: 'a name', required: true },
  'watch-groups': { short: 'w', help: 'follow the file' },
  verbose: { short: 'v', help: 'say more' },
} as const satisfies Record<string, FfFlag>;

const parse = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  parseFf(args, flags, fromVariables(env, 'REVERST'));

test('every way to write a flag with a value', () => {
  for (const args of [
    ['-l', 'debug'],
    ['-ldebug'],
    ['-l=debug'],
    ['--log', 'debug'],
    ['--log=debug'],
  ])
    assert.equal(parse(args).text('log'), 'debug', args.join(' '));
  assert.equal(parse(['--log=a=b']).text('log'), 'a=b');
  assert.equal(parse(['--log', '-x']).text('log'), '-x');
});

test('switches, alone, together and with a value', () => {
  assert.ok(parse(['-w']).on('watch-groups'));
  assert.ok(parse(['--watch-groups=true']).on('watch-groups'));
  assert.ok(!parse(['--watch-groups=false']).on('watch-groups'));
  assert.ok(!parse([]).on('watch-groups'));
  const both = parse(['-wvn', 'name']);
  assert.ok(both.on('watch-groups') && both.on('verbose'));
  assert.equal(both.text('server-name'), 'name');
});

test('the command line comes before variables, and those before the initial value', () => {
  const env = { REVERST_LOG: 'warn', REVERST_WATCH_GROUPS: 'true', REVERST_SERVER_NAME: 'x' };
  assert.equal(parse([]).text('log'), 'info');
  assert.equal(parse([], env).text('log'), 'warn');
  assert.equal(parse(['-l', 'debug'], env).text('log'), 'debug');
  assert.ok(parse([], env).on('watch-groups'));
  assert.equal(parse([], env).text('server-name'), 'x');
});

test('flags end at the first word that is none', () => {
  assert.deepEqual(parse(['-v', '8080', '-w']).rest, ['8080', '-w']);
  assert.deepEqual(parse(['-v', '--', '-w']).rest, ['-w']);
  assert.ok(parse(['-h']).help && parse(['--help']).help);
});

test('what cannot be read is refused, without its value', () => {
  const wrong = [['--tocken', 'secret'], ['--tocken=secret'], ['-x'], ['-l'], ['--log']];
  for (const args of wrong)
    assert.throws(
      () => parse(args),
      (thrown) =>
        thrown instanceof SallyportError &&
        thrown.code === 'USAGE' &&
        !thrown.message.includes('secret'),
      args.join(' '),
    );
  assert.throws(() => parse(['--verbose=perhaps']).on('verbose'), /takes true or false/);
});

test('the help lists each flag in a line', () => {
  assert.equal(
    describeFf(flags),
    [
      '  -l, --log LEVEL            what to log (default: info)',
      '  -n, --server-name STRING   a name (required)',
      '  -w, --watch-groups         follow the file',
      '  -v, --verbose              say more',
      '',
    ].join('\n'),
  );
});
