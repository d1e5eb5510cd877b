/** The source files of the project and what each of them imports, read from their text. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const projectRoot = path.resolve(import.meta.dirname, '../..');

/**
 * The folders of src/, upper ones first. A file imports from its own folder and from lower ones
 * only, so that reading the list downwards is following a byte from the public side to the wire.
 */
export const folderOrder = [
  'cli',
  'config',
  'server',
  'compat',
  'control',
  'agent',
  'consumer',
  'ingress',
  'attach',
  'registry',
  'access',
  'events',
  'observe',
  'session',
  'transport',
  'http1',
  'net',
] as const;

/** Files beside the folders, below all of them. */
const bottomFiles = ['errors.ts', 'limits.ts', 'version.ts'];

export interface SourceFile {
  /** From the project root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  /** Modules named in import and export declarations and in `import()`, as written. */
  readonly imports: readonly string[];
}

const moduleNames =
  /(?:^|\n)[ \t]*(?:import|export)\s[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|\n)[ \t]*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;

export function importsOf(text: string): string[] {
  return [...text.matchAll(moduleNames)].map((match) => match[1] ?? match[2] ?? match[3]);
}

/** All TypeScript files under the folders. */
export function readSources(...folders: string[]): SourceFile[] {
  const patterns = folders.map((folder) => `${folder}/**/*.ts`);
  return globSync(patterns, { cwd: projectRoot }).map((name) => {
    const text = readFileSync(path.join(projectRoot, name), 'utf8');
    return {
      path: name.replaceAll(path.sep, '/'),
      text,
      lines: text.split('\n').length - 1,
      imports: importsOf(text),
    };
  });
}

/** The folder of src/ that a path of the project lies in, or the file's own name directly in src/. */
export function folderOf(file: string): string {
  return file.split('/')[1];
}

/** Where a relative import leads, from the project root. */
export function resolveImport(from: string, name: string): string {
  return path.posix.join(path.posix.dirname(from), name);
}

/** How high a folder or a file of src/ stands; 0 is the bottom. */
export function heightOf(folder: string): number {
  if (bottomFiles.includes(folder)) return 0;
  if (folder === 'index.ts') return folderOrder.length + 1;
  const index = folderOrder.findIndex((known) => known === folder);
  return index === -1 ? Number.NaN : folderOrder.length - index;
}

/** Imports that lead upwards, or into config/ from elsewhere than cli/, as sentences. */
export function wrongWays(files: readonly SourceFile[]): string[] {
  const wrong: string[] = [];
  for (const file of files) {
    const from = folderOf(file.path);
    for (const name of file.imports) {
      if (!name.startsWith('.')) continue;
      const target = resolveImport(file.path, name);
      if (!target.startsWith('src/')) continue;
      const to = folderOf(target);
      if (to === from) continue;
      if (!(heightOf(to) < heightOf(from))) wrong.push(`${file.path} imports upwards: ${target}`);
      if (to === 'config' && from !== 'cli') wrong.push(`${file.path} imports config: ${target}`);
    }
  }
  return wrong;
}
