import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chainLine, chainStart, type ChainLink } from '../../src/events/audit/chain.ts';
import { temporaryFile } from '../support/files.ts';
import { runProgram } from '../support/program.ts';

function audit(): string {
  let last: ChainLink = chainStart;
  return ['a', 'b', 'c']
    .map((type) => {
      const line = chainLine(last, { type });
      last = line;
      return line.text;
    })
    .join('');
}

test('audit verify: an intact file, and the hash to keep elsewhere', async (t) => {
  const file = temporaryFile(t, 'audit', audit());
  const { code, out } = await runProgram(t, ['audit', 'verify', file]);
  assert.equal(code, 0);
  assert.match(out, /^3 lines are intact: 1 to 3\nhash of the last of them: [0-9a-f]{64}\n$/);
});

test('audit verify: the first line that was changed is named, with exit code 1', async (t) => {
  const file = temporaryFile(t, 'audit', audit().replace('"b"', '"x"'));
  const { code, out } = await runProgram(t, ['audit', 'verify', file]);
  assert.equal(code, 1);
  assert.match(out, /^\S+audit:2: its hash does not fit what it holds: it was changed\n/);
  const { out: json } = await runProgram(t, ['audit', 'verify', file, '--json']);
  const { lines, broken } = JSON.parse(json) as { lines: number; broken: object };
  assert.deepEqual(broken, {
    file,
    at: 2,
    why: 'its hash does not fit what it holds: it was changed',
  });
  assert.equal(lines, 1);
});

test('audit: a file that is not there, and an action that is none, are usage', async (t) => {
  const absent = await runProgram(t, ['audit', 'verify', '/no/such/file']);
  assert.equal(absent.code, 2);
  assert.match(absent.err, /cannot read \/no\/such\/file: ENOENT/);
  const none = await runProgram(t, ['audit', 'check', 'x']);
  assert.deepEqual([none.code, none.out], [2, '']);
});
