// A clone runs its sources as they are; a package holds compiled ones only, because Node strips no
// types below node_modules.
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

const sources = new URL('../src/cli/main.ts', import.meta.url);
const cloned = existsSync(sources);
// Stripping types takes longer than all the rest of a start. The cache stays inside the clone: in a
// directory that others can write to, they could put code into it.
if (cloned) enableCompileCache(fileURLToPath(new URL('../node_modules/.cache', import.meta.url)));
const { main } = await import(cloned ? sources.href : '../dist/cli/main.js');
await main();
