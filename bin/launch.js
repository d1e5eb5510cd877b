// A clone runs its sources as they are; a package holds compiled ones only, because Node strips no
// types below node_modules.
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

/**
 * For a server, which has tens of thousands of clients: glibc is to give back what V8's compiler has
 * worked in, pieces of 32 KB. Otherwise it keeps up to 18 MB of them for itself, which was a third of
 * what 4,000 idle agents took. Other commands allocate such pieces while they carry data.
 */
const returningMemory = {
  MALLOC_MMAP_THRESHOLD_: String(32 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(128 * 1024),
};

boundHeap();

const sources = new URL('../src/cli/main.ts', import.meta.url);
const cloned = existsSync(sources);
// Stripping types takes longer than all the rest of a start. The cache stays inside the clone: in a
// directory that others can write to, they could put code into it.
if (cloned) enableCompileCache(fileURLToPath(new URL('../node_modules/.cache', import.meta.url)));
const { main } = await import(cloned ? sources.href : '../dist/cli/main.js');
await main();

/**
 * Commands that run for long start anew with a bounded young generation. V8 would let it grow to
 * 48 MB while many clients attach at once, and keep it: more memory than 4,000 idle agents take. And
 * the old one may double before it is collected, where V8 would let it grow further: what the handshakes
 * of many clients leave behind goes soon. (A fifth instead would save another 0.5 KB for each resting
 * agent, and stop a busy server for some milliseconds several times a second.) Neither cost throughput
 * that could be measured, but for WStunnel, whose requests are whole messages: with 8 MB for what is
 * young each takes a ninth less CPU time.
 * The first can only be set when a process starts; where it cannot be replaced it stays as it is.
 */
function boundHeap() {
  const { argv, env, execArgv, execPath } = process;
  const flag = '--max-semi-space-size';
  const lasting = ['server', 'agent', 'http', 'tcp', 'forward', 'wstunnel'].includes(argv[2]);
  if (!lasting) return;
  setFlagsFromString('--heap-growing-percent=100');
  if (!process.execve || process.channel) return;
  if (execArgv.some((argument) => argument.startsWith(flag))) return;
  const allocation = argv[2] === 'server' ? returningMemory : {};
  const young = argv[2] === 'wstunnel' ? 8 : 2;
  const arguments_ = [execPath, `${flag}=${young}`, ...execArgv, ...argv.slice(1)];
  process.execve(execPath, arguments_, { ...allocation, ...env });
}
