import assert from 'node:assert/strict';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { checkConfig } from '../../src/config/check.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { errorKinds } from '../../src/errors.ts';
import * as limits from '../../src/limits.ts';
import { projectRoot } from './source-tree.ts';

const read = (file: string): string => readFileSync(path.join(projectRoot, file), 'utf8');
const pages = globSync(['*.md', 'docs/*.md'], { cwd: projectRoot });

test('the error table of the operations page is that of the code', () => {
  const rows = Object.entries(errorKinds).map(
    ([code, { hop, http, exit, fatal, advice }]) =>
      `| \`${code}\` | ${hop} | ${http} | ${exit} | ${fatal ? 'final' : ''} | ${advice} |`,
  );
  const table = [
    '| code | hop | HTTP | exit | | what to do |',
    '|---|---|---|---|---|---|',
    ...rows,
  ];
  const written = /<!-- errors: [^]*?-->\n([^]*?)\n<!-- \/errors -->/.exec(
    read('docs/operations.md'),
  );
  assert.equal(written?.[1], table.join('\n'));
});

test('limits that the pages name exist', () => {
  const names = pages.flatMap((page) =>
    [...read(page).matchAll(/`([A-Z][A-Z_]+_(?:MAX|MIN|MS|BYTES|CHARS))`/g)].map(
      ([, name]) => name,
    ),
  );
  assert.ok(names.length > 10);
  assert.deepEqual(
    names.filter((name) => !Object.hasOwn(limits, name)),
    [],
  );
});

test('configuration files in the pages are accepted', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-pages-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const pems = ['cert.pem', 'key.pem', 'agents-ca.pem'];
  const secrets = ['ci-token', 'admin-password', 'docs-password', 'token'];
  for (const name of [...pems, ...secrets, 'access.lua', 'groups.yml'])
    writeFileSync(path.join(folder, name), 'user:not-a-secret\n', { mode: 0o600 });
  const files = pages.flatMap((page) =>
    [...read(page).matchAll(/```yaml\n(# (?:server|agent|services)\.yaml\n[^]*?)```/g)].map(
      ([, text]) => ({ page, text }),
    ),
  );
  assert.ok(files.length >= 3, 'found them');
  for (const { page, text } of files) {
    const file = path.join(folder, 'page.yaml');
    writeFileSync(file, text);
    const { problems } = await checkConfig(file, undefined, folder);
    assert.deepEqual(problems.map(formatProblem), [], `${page}:\n${text}`);
  }
});

test('links between pages, and the files that pages name, lead somewhere', () => {
  const lost: string[] = [];
  for (const page of pages) {
    const text = read(page);
    const from = path.join(projectRoot, path.dirname(page));
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [file, anchor] = link.split('#');
      const target = file === '' ? path.join(projectRoot, page) : path.join(from, file);
      if (!existsSync(target)) lost.push(`${page}: ${link}`);
      else if (anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor))
        lost.push(`${page}: ${link}`);
    }
    for (const [, file] of text.matchAll(/`((?:src|test|bench|bin|docs|examples)\/[\w./-]+)`/g))
      if (!existsSync(path.join(projectRoot, file))) lost.push(`${page}: ${file}`);
  }
  assert.deepEqual(lost, []);
});

/** The anchors that headings get: lower case, no punctuation, hyphens for spaces. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s-]/gu, '')
      .replace(/\s/g, '-'),
  );
}
