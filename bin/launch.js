// A clone runs its sources as they are; a package holds compiled ones only, because Node strips no
// types below node_modules.
import { existsSync } from 'node:fs';

const sources = new URL('../src/cli/main.ts', import.meta.url);
const { main } = await import(existsSync(sources) ? sources.href : '../dist/cli/main.js');
await main();
