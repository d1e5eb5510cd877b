/** package.json, as far as tests look into it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

const file = path.resolve(import.meta.dirname, '../../package.json');

export const manifest = JSON.parse(readFileSync(file, 'utf8')) as {
  version: string;
  dependencies: Record<string, string>;
};
