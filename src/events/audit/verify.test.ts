import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { temporaryFolder } from '../../../test/support/files.ts';
import { AUDIT_LINE_MAX_BYTES } from '../../limits.ts';
import { chainLine, chainStart, readChainLine, type ChainLink } from './chain.ts';
import { verifyAudit } from './verify.ts';

const entries = Array.from({ length: 5 }, (_, n) => ({ type: 'server.draining', graceMs: n }));

/** The lines of the entries, and the last of them. */
function chain(from: ChainLink, some: readonly object[]): { lines: string[]; last: ChainLink } {
  let last = from;
  const lines = some.map((entry) => {
    const line = chainLine(last, entry);
    last = line;
    return line.text;
  });
  return { lines, last };
}

function write(t: TestContext, ...texts: string[]): string[] {
  const folder = temporaryFolder(t);
  return texts.map((text, n) => {
    const file = path.join(folder, `audit-${n}`);
    writeFileSync(file, text);
    return file;
  });
}

test('the chain is the one that the pages describe', () => {
  const first = chainLine(chainStart, { type: 'x' });
  assert.equal(
    first.text,
    '{"line":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000",' +
      '"entry":{"type":"x"},"hash":"15ea4c7c25206db103a5d264f1d8712ebb4197b4a2f511036ed91f9d3641d2c7"}\n',
  );
});

test('an intact file, and several that follow each other', async (t) => {
  const { lines, last } = chain(chainStart, entries);
  const [one, two] = write(t, lines.slice(0, 3).join(''), lines.slice(3).join(''));
  const whole = await verifyAudit([one, two]);
  assert.deepEqual([whole.lines, whole.last?.hash, whole.broken], [5, last.hash, null]);
  const rest = await verifyAudit([two]);
  assert.deepEqual([rest.lines, rest.first?.line, rest.broken], [2, 4, null]);
  assert.deepEqual((await verifyAudit(write(t, ''))).lines, 0);
});

describe('the first line that is not as it was written is named', () => {
  const { lines } = chain(chainStart, entries);
  const replaced = chain(readChainLine(lines[0].trimEnd())!.link, [{ type: 'forged' }]).lines[0];
  const cases: [string, string[], number, RegExp][] = [
    ['changed', lines.with(2, lines[2].replace('":2}', '":9}')), 3, /hash does not fit/],
    ['changed, the last', lines.with(4, lines[4].replace('":4}', '":9}')), 5, /hash does not fit/],
    ['taken out', lines.toSpliced(1, 1), 2, /number 3 where 2 was due/],
    ['doubled', lines.toSpliced(1, 0, lines[0]), 2, /number 1 where 2 was due/],
    ['swapped', [lines[0], lines[2], lines[1]], 2, /number 3 where 2/],
    ['forged with a hash of its own', lines.with(1, replaced), 3, /does not follow/],
    ['no line of an audit file', ['{}\n', ...lines], 1, /hash does not fit/],
    ['empty', [lines[0], '\n', lines[1]], 2, /hash does not fit/],
    ['not finished', [lines[0], lines[1].slice(0, -1)], 2, /not finished/],
    ['without end', [lines[0], 'x'.repeat(3 * AUDIT_LINE_MAX_BYTES)], 2, /not finished/],
    ['not first, but without beginning', [lines[0].replace(/00/, '11'), lines[1]], 1, /./],
  ];
  for (const [name, changed, at, why] of cases) {
    test(name, async (t) => {
      const [file] = write(t, changed.join(''));
      const { broken, lines: intact } = await verifyAudit([file]);
      assert.deepEqual([broken?.file, broken?.at, intact], [file, at, at - 1]);
      assert.match(broken!.why, why);
    });
  }

  test('in the second file, whose first line does not go on from the first', async (t) => {
    const files = write(t, lines.slice(0, 2).join(''), lines.slice(3).join(''));
    const { broken } = await verifyAudit(files);
    assert.deepEqual([broken?.file, broken?.at], [files[1], 1]);
  });
});

test('any byte that is changed is found, at its line or the one after it', async (t) => {
  const { lines } = chain(chainStart, entries.slice(0, 3));
  const [file] = write(t, lines.join(''));
  const whole = readFileSync(file);
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: whole.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, by) => {
        const changed = Buffer.from(whole);
        changed[at] ^= by;
        writeFileSync(file, changed);
        const { broken } = await verifyAudit([file]);
        const line = whole.subarray(0, at).toString().split('\n').length;
        assert.ok(broken !== null && Math.abs(broken.at - line) <= 1, `byte ${at}`);
      },
    ),
    { numRuns: 200 },
  );
});

test('an entry that would make its line too long is kept without what it holds', () => {
  const entry = { seq: 3, time: 4, type: 'config.refused', problems: ['x'.repeat(100_000)] };
  const { text, line } = chainLine(chainStart, entry);
  assert.ok(Buffer.byteLength(text) <= AUDIT_LINE_MAX_BYTES);
  assert.equal(readChainLine(text.trimEnd())?.link.line, line);
  assert.match(text, /"entry":\{"seq":3,"time":4,"type":"config.refused","cut":1000\d\d\}/);
});

test('text from outside cannot end its line, or its entry', () => {
  const reason = '"},"hash":"\n\u2028';
  const { text } = chainLine(chainStart, { reason });
  assert.equal(text.split('\n').length, 2);
  assert.ok(readChainLine(text.trimEnd()) !== null);
  assert.deepEqual((JSON.parse(text) as { entry: object }).entry, { reason });
});

test('a file that is not there is told as it is', async (t) => {
  const absent = path.join(temporaryFolder(t), 'absent');
  await assert.rejects(verifyAudit([absent]), { code: 'ENOENT' });
});
