import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { eventTable, fieldTable, metricTable } from '../support/observability-tables.ts';
import { projectRoot } from './source-tree.ts';

const page = readFileSync(path.join(projectRoot, 'docs/observability.md'), 'utf8');

/** What stands between the marks of that name. */
function written(name: string): string | undefined {
  return new RegExp(`<!-- ${name}: [^]*?-->\\n\\n([^]*?)\\n\\n<!-- /${name} -->`).exec(page)?.[1];
}

test('the tables of events are those of the schema', () => {
  assert.equal(written('events'), eventTable());
  assert.equal(written('fields'), fieldTable());
});

test('the table of metrics is what a server tells', async () => {
  assert.equal(written('metrics'), await metricTable());
});
