import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = path.join(root, 'bin/sallyport.js');

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, args, {
    cwd: root,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
}

async function ended(child: ChildProcess) {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit'),
  ]);
  return { code: code as number | null, signal: signal as string | null, stdout, stderr };
}

test('an old Node is told on the first line what is needed, with code 2', async () => {
  const old =
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });";
  const { code, stdout, stderr } = await ended(
    start(['--import', `data:text/javascript,${encodeURIComponent(old)}`, program, 'token']),
  );
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /^sallyport: needs Node\.js 24 or later; this is Node\.js 20\.20\.2 /);
});

test('a reader that goes away is no crash', async () => {
  const child = start([program, 'config', 'reference']);
  child.stdout!.destroy();
  const [code] = (await once(child, 'exit')) as [number];
  assert.deepEqual([code, await text(child.stderr!)], [0, '']);
});

test('output is complete when the process ends', async () => {
  const { code, stdout } = await ended(start([program, 'config', 'schema']));
  assert.equal(code, 0);
  assert.doesNotThrow(() => JSON.parse(stdout));
});

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} breaks a command off, with code ${expected} and no error`, async () => {
    const child = start([
      '--input-type=module-typescript',
      '-e',
      `process.argv.splice(1, 0, 'sallyport');
       const { main } = await import(${JSON.stringify(path.join(root, 'src/cli/main.ts'))});
       const opened = Object.getOwnPropertyDescriptor(process, 'stdin').get;
       Object.defineProperty(process, 'stdin', { get: () => (console.log('reading'), opened.call(process)) });
       await main();`,
      'token',
      '--hash',
    ]);
    await once(child.stdout!, 'data');
    child.kill(signal);
    const { code, stderr } = await ended(child);
    assert.deepEqual([code, stderr], [expected, '']);
  });

  test(`a second ${signal} ends a command that takes its time`, async () => {
    const child = start([
      '--input-type=module-typescript',
      '-e',
      `const { shutdownSignal } = await import(${JSON.stringify(path.join(root, 'src/cli/shutdown.ts'))});
       shutdownSignal().addEventListener('abort', () => console.log('shutting down'));
       setInterval(() => {}, 1_000);
       console.log('running');`,
    ]);
    await once(child.stdout!, 'data');
    child.kill(signal);
    await once(child.stdout!, 'data');
    child.kill(signal);
    const { code } = await ended(child);
    assert.equal(code, expected);
  });
}
