import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  folderOf,
  heightOf,
  importsOf,
  projectRoot,
  readSources,
  resolveImport,
  wrongWays,
  type SourceFile,
} from './source-tree.ts';

const sources = readSources('src');
const code = sources.filter((file) => !file.path.endsWith('.test.ts'));
const LINES_MAX = 300;

function invented(file: string, text: string): SourceFile {
  return { path: file, text, lines: text.split('\n').length, imports: importsOf(text) };
}

test('the reader of imports sees every form of an import', () => {
  const text = [
    "import a from './a.ts';",
    "import { type B,\n  c } from './b.ts';",
    "import type { D } from './d.ts';",
    "import './e.ts';",
    "export { f } from './f.ts';",
    "const g = await import('./g.ts');",
    "const notOne = 'import from';",
  ].join('\n');
  const expected = ['./a.ts', './b.ts', './d.ts', './e.ts', './f.ts', './g.ts'];
  assert.deepEqual(importsOf(text), expected);
});

test('the check of directions finds what it is there for', () => {
  const upwards = invented(
    'src/net/wire.ts',
    "import { createServer } from '../server/server.ts';",
  );
  const config = invented('src/server/server.ts', "import type { X } from '../config/schema.ts';");
  const unknown = invented('src/net/wire.ts', "import { x } from '../helpers/x.ts';");
  const fine = invented('src/server/server.ts', "import { SlabPool } from '../net/slab.ts';");
  assert.equal(wrongWays([upwards]).length, 1);
  assert.equal(wrongWays([config]).length, 2);
  assert.equal(wrongWays([unknown]).length, 1);
  assert.deepEqual(wrongWays([fine]), []);
});

test('every file of src lies in a folder whose place in the order is known', () => {
  const lost = sources.filter((file) => Number.isNaN(heightOf(folderOf(file.path))));
  assert.deepEqual(
    lost.map((file) => file.path),
    [],
  );
});

test('imports lead downwards, and only cli reads config', () => {
  assert.ok(sources.length > 5, 'found the sources');
  assert.deepEqual(wrongWays(sources), []);
});

test('no file imports itself in a circle', () => {
  const graph = new Map(
    code.map((file) => [
      file.path,
      file.imports
        .filter((name) => name.startsWith('.'))
        .map((name) => resolveImport(file.path, name)),
    ]),
  );
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) circles.push([...trail.slice(trail.indexOf(file)), file].join(' > '));
    if (done.has(file) || trail.includes(file)) return;
    for (const next of graph.get(file) ?? []) walk(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  // Two files may name each other's types: such an import is erased and loads nothing.
  const real = circles.filter((circle) => !isErased(circle.split(' > ')));
  assert.deepEqual(real, []);
});

/** True when some step of the circle imports types only. */
function isErased(circle: readonly string[]): boolean {
  return circle.slice(1).some((to, index) => {
    const from = sources.find((file) => file.path === circle[index])!;
    const name = path.posix.basename(to);
    const lines = from.text.split('\n').filter((line) => line.includes(`/${name}'`));
    return lines.length > 0 && lines.every((line) => line.startsWith('import type'));
  });
}

test('src/index.ts is the only file that exports what it does not define', () => {
  const reexport = /^export\s+(?:type\s+)?(?:\*|\{[^}]*\})[^;]*\bfrom\b/m;
  const barrels = code.filter((file) => file.path !== 'src/index.ts' && reexport.test(file.text));
  assert.deepEqual(
    barrels.map((file) => file.path),
    [],
  );
});

test('files are named for one thing each', () => {
  const vague = /(?:^|\/)(?:index|utils?|helpers?|common|misc|shared)\.ts$/;
  const named = readSources('src', 'test', 'bench').map((file) => file.path);
  assert.deepEqual(
    named.filter((name) => name !== 'src/index.ts' && vague.test(name)),
    [],
  );
});

test(`no file is longer than ${LINES_MAX} lines, but for the table of all bounds`, () => {
  const long = readSources('src', 'test', 'bench').filter(
    (file) => file.lines > LINES_MAX && file.path !== 'src/limits.ts',
  );
  assert.deepEqual(
    long.map((file) => `${file.path}: ${file.lines}`),
    [],
  );
});

test('what the program imports from elsewhere is a declared dependency', () => {
  const manifest = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const foreign = code.flatMap((file) =>
    file.imports
      .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
      .filter((name) => !Object.hasOwn(manifest.dependencies, name))
      .map((name) => `${file.path}: ${name}`),
  );
  assert.deepEqual(foreign, []);
});
