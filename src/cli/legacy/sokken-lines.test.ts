import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LOG_FIELD_MAX_CHARS } from '../../limits.ts';
import { sokkenLine } from './sokken-lines.ts';

test('level first, then the fields in order, time and message last', () => {
  const line = sokkenLine(
    'info',
    { target: '127.0.0.1:22', 'active-connections': 2 },
    'plumbing start',
  );
  assert.match(
    line,
    /^\{"level":"info","target":"127\.0\.0\.1:22","active-connections":2,"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ","message":"plumbing start"\}\n$/,
  );
});

test('whatever a peer says of itself, it is one line of JSON that commands no terminal', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const line = sokkenLine('error', { 'client-name': text }, text);
      assert.equal(line.indexOf('\n'), line.length - 1);
      assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\p{Cf}]/u);
      const read = JSON.parse(line) as Record<string, string>;
      if (/^[ -~]*$/.test(text) && !/sp_|bearer|basic|:\/\/|_token/i.test(text))
        assert.deepEqual([read['client-name'], read.message], [text, text]);
    }),
  );
});

test('long texts are cut, and secrets masked', () => {
  const long = 'x'.repeat(LOG_FIELD_MAX_CHARS + 1);
  const { target } = JSON.parse(sokkenLine('info', { target: long }, '')) as { target: string };
  assert.equal(target, `${long.slice(1)}…`);
  const line = sokkenLine(
    'info',
    { remote: 'ws://me:CANARY@host/' },
    'sp_CANARY-of-some-length-here',
  );
  assert.doesNotMatch(line, /CANARY-of|me:CANARY/);
});
