import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { reference } from './reference.ts';

test('docs/configuration.md is what the schema says', () => {
  const page = fs.readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  assert.ok(
    page === reference(),
    'it is stale: run `npx sallyport config reference > docs/configuration.md`',
  );
});

test('every row of every table has as many cells as its head', () => {
  const cells = (line: string): number => line.replaceAll('\\|', '').split('|').length;
  let head: string | null = null;
  for (const line of reference().split('\n')) {
    if (!line.startsWith('|')) head = null;
    else if (head === null) head = line;
    else assert.equal(cells(line), cells(head), line);
  }
});
