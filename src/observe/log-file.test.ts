import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../../test/support/wait.ts';
import { LOG_BACKLOG_MAX_BYTES } from '../limits.ts';
import { openLogFile, type LogFileOptions } from './log-file.ts';
import { createLogger } from './logger.ts';

function folderOf(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-log-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

function open(t: TestContext, options: Partial<LogFileOptions> = {}, folder = folderOf(t)) {
  const file = path.join(folder, 'server.log');
  const failures: string[] = [];
  const sink = openLogFile({
    file,
    failed: (error) => failures.push((error as NodeJS.ErrnoException).code ?? error.message),
    ...options,
  });
  t.after(() => sink.close());
  return {
    sink,
    file,
    folder,
    failures,
    /** Empty in the moment in which a full file has gone and the next one has not come. */
    read: () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''),
    names: () => fs.readdirSync(folder).toSorted(),
    /** All lines, of the rotated files first. */
    lines: () =>
      fs
        .readdirSync(folder)
        .toSorted(
          (a, b) => Number(a === 'server.log') - Number(b === 'server.log') || (a < b ? -1 : 1),
        )
        .flatMap((name) =>
          fs.readFileSync(path.join(folder, name), 'utf8').split('\n').slice(0, -1),
        ),
  };
}

test('lines are appended in order, and what was there stays', async (t) => {
  const folder = folderOf(t);
  fs.writeFileSync(path.join(folder, 'server.log'), 'before\n');
  const { sink, read } = open(t, {}, folder);
  const log = createLogger({ level: 'info', format: 'auto', sinks: [sink] });
  log.info('one');
  log.warn({ token: 'sp_0123456789abcdefghij' }, 'two');
  await until('both are written', () => read().split('\n').length === 4);
  assert.match(
    read(),
    /^before\n\{.*"msg":"one"\}\n\{"level":"warn",.*"token":"\*\*\*","msg":"two"\}\n$/,
  );
});

test('only its owner and group may read it', (t) => {
  const { file } = open(t);
  assert.equal(fs.statSync(file).mode & 0o007, 0);
});

test('a file that cannot be opened is refused at once, by its name', (t) => {
  const folder = folderOf(t);
  assert.throws(() => openLogFile({ file: folder, failed: assert.fail }), {
    code: 'CONFIG_INVALID',
    message: `log file ${folder}: cannot be opened for writing: EISDIR`,
  });
});

test('a file that grew is put aside; so many stay, and no line is lost before that', async (t) => {
  const { sink, names, lines, read } = open(t, { maxBytes: 1_000, maxFiles: 3 });
  const line = (n: number): string => `${String(n).padStart(99, '0')}\n`;
  const written: string[] = [];
  for (let n = 0; n < 40; n++) {
    sink.write(line(n));
    written.push(line(n).trim());
    await until('it is written', () => read().includes(line(n)));
  }
  assert.deepEqual(names().length, 4);
  for (const name of names().slice(0, 3))
    assert.match(name, /^server-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log$/);
  assert.equal(names().at(-1), 'server.log');
  assert.deepEqual(lines(), written.slice(-lines().length));
  assert.ok(lines().length > 30);
  assert.ok(read().length <= 1_000);
});

test('a file that is old is put aside, and those that are older are removed', async (t) => {
  const folder = folderOf(t);
  const stale = 'server-2020-01-01T00-00-00.000.log';
  const foreign = ['server-notes.log', 'other-2020-01-01T00-00-00.000.log', 'server-2020.log'];
  for (const name of [stale, ...foreign]) fs.writeFileSync(path.join(folder, name), 'x\n');
  const { sink, names, read } = open(t, { maxAgeMs: 400 }, folder);
  sink.write('one\n');
  await until('it is written', () => read() === 'one\n');
  assert.ok(!names().includes(stale), 'old ones go when the first line is written');
  await until('the next line is in a new file', () => {
    sink.write('two\n');
    return read().startsWith('two\n');
  });
  for (const name of foreign) assert.ok(names().includes(name), `${name} is none of ours`);
});

test('a file that was moved away is opened anew', async (t) => {
  const { sink, file, read } = open(t);
  sink.write('one\n');
  await until('it is written', () => read() === 'one\n');
  fs.renameSync(file, `${file}.1`);
  await until('the new one is written', () => {
    sink.write('two\n');
    return fs.existsSync(file);
  });
  assert.match(fs.readFileSync(`${file}.1`, 'utf8'), /^one\n(?:two\n)*$/);
});

test('while it cannot be written lines wait, and those that do not fit are counted', async (t) => {
  const { sink, file, folder, failures, read } = open(t);
  let dropped = 0;
  sink.dropped = (count) => (dropped += count);
  fs.rmSync(folder, { recursive: true });
  const line = `${'x'.repeat(999)}\n`;
  const lines = Math.ceil((2 * LOG_BACKLOG_MAX_BYTES) / line.length);
  for (let n = 0; n < lines; n++) sink.write(line);
  await until('it is told', () => failures.length > 0);
  fs.mkdirSync(folder);
  await until('the count is told', () => dropped > 0);
  assert.deepEqual(failures, ['ENOENT'], 'once');
  await until(
    'all that waited is written',
    () => read().length === (lines - dropped) * line.length,
  );
  assert.ok(fs.existsSync(file));
});

test('what waits at the end of the process is written', async (t) => {
  const folder = folderOf(t);
  const file = path.join(folder, 'server.log');
  const script = `
    const { openLogFile } = await import(${JSON.stringify(path.resolve('src/observe/log-file.ts'))});
    const sink = openLogFile({ file: process.argv[1], failed() {} });
    sink.write('last words\\n');
    process.exit(3);`;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, file], {
    cwd: path.resolve(import.meta.dirname, '../..'),
  });
  await assert.rejects(run, { code: 3 });
  assert.equal(fs.readFileSync(file, 'utf8'), 'last words\n');
});

test('after its end it takes nothing, and everything before is in the file', async (t) => {
  const { sink, read } = open(t);
  for (let n = 0; n < 100; n++) sink.write('line\n');
  await sink.close();
  sink.write('late\n');
  assert.equal(read(), 'line\n'.repeat(100));
});
