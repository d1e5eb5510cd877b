import assert from 'node:assert/strict';
import fs, { type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { temporaryFolder } from '../../../test/support/files.ts';
import { until } from '../../../test/support/wait.ts';
import { createEventLog } from '../log.ts';
import type { EventSink } from '../sink.ts';
import { openAuditFile, type AuditFileOptions } from './file.ts';
import { verifyAudit } from './verify.ts';

interface Line {
  line: number;
  entry: { type: string; graceMs?: number; missed?: number; cut?: number; run?: string };
}

function setUp(t: TestContext, options: Partial<AuditFileOptions> = {}, kept = 10_000) {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'audit');
  const events = createEventLog({ kept });
  const said: string[] = [];
  const say = (_fields: object, message: string): void => void said.push(message);
  const log = { error: say, warn: say, info: say } as unknown as AuditFileOptions['log'];
  const open = async (): Promise<EventSink> => {
    const sink = await openAuditFile({
      file,
      events,
      program: 'srv/1',
      log,
      retryMs: 5,
      ...options,
    });
    t.after(() => sink.close());
    return sink;
  };
  const publish = (...graces: number[]): void => {
    for (const graceMs of graces) events.publish('server.draining', { graceMs });
  };
  const read = async (name = file): Promise<Line[]> =>
    (await fs.readFile(name, 'utf8'))
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  const told = async (name = file): Promise<string[]> =>
    (await read(name)).map(({ line, entry }) => `${line} ${entry.graceMs ?? entry.type}`);
  return { folder, file, events, said, open, publish, read, told };
}

test('every event is a line, the first says who writes, and a restart goes on with the chain', async (t) => {
  const { file, events, open, publish, read, told } = setUp(t);
  publish(1);
  const first = await open();
  publish(2, 3);
  await first.close();
  const second = await open();
  publish(4);
  await second.close();
  assert.deepEqual(await told(), ['1 audit.opened', '2 2', '3 3', '4 audit.opened', '5 4']);
  assert.equal((await read())[0].entry.run, events.run);
  assert.equal((await verifyAudit([file])).broken, null);
  assert.equal((await fs.stat(file)).mode & 0o777, 0o600, 'for its owner only');
});

test('what was published before the end is written before it', async (t) => {
  const { open, publish, told } = setUp(t);
  const sink = await open();
  publish(...Array.from({ length: 1_000 }, (_, n) => n));
  await sink.close();
  assert.equal((await told()).length, 1_001);
  assert.deepEqual([sink.behind, sink.lost], [0, 0]);
});

test('an unfinished last line, as a crash leaves it, is cut off and told', async (t) => {
  const { file, open, publish, read, said } = setUp(t);
  const crashed = await open();
  publish(1);
  await crashed.close();
  await fs.appendFile(file, '{"line":3,"prev":"00');
  await (await open()).close();
  assert.deepEqual(
    (await read()).map(({ entry }) => entry.cut),
    [undefined, undefined, 20],
  );
  assert.equal((await verifyAudit([file])).broken, null);
  assert.match(said[0], /unfinished line/);
});

describe('a file that is not an intact audit file is not written to', () => {
  for (const [name, spoil] of [
    ['something else', () => 'hello\n'],
    ['something else without a line end', () => 'hello'],
    [
      'one whose last line was changed',
      (text: string) => text.replace('"graceMs":1', '"graceMs":2'),
    ],
    ['a very long something', () => `${'x'.repeat(100_000)}\n`],
  ] as const) {
    test(name, async (t) => {
      const { file, open, publish } = setUp(t);
      const sink = await open();
      publish(1);
      await sink.close();
      const spoilt = spoil(await fs.readFile(file, 'utf8'));
      await fs.writeFile(file, spoilt);
      await assert.rejects(open(), {
        code: 'CONFIG_INVALID',
        message: /^audit_file: .*audit verify/,
      });
      assert.equal(await fs.readFile(file, 'utf8'), spoilt);
    });
  }

  test('a folder, or a place that is not there', async (t) => {
    const { folder, events, open } = setUp(t);
    await (await open()).close();
    const log = console as unknown as AuditFileOptions['log'];
    for (const file of [folder, path.join(folder, 'no', 'audit')]) {
      const opening = openAuditFile({ file, events, program: 'srv/1', log });
      await assert.rejects(opening, { code: 'CONFIG_INVALID', message: /EISDIR|ENOENT/ });
    }
  });
});

describe('rotation', () => {
  /** The rotated files, oldest first, and the present one. */
  async function files(folder: string): Promise<string[]> {
    const rotated = (await fs.readdir(folder)).filter((name) => name !== 'audit').toSorted();
    return [...rotated, 'audit'].map((name) => path.join(folder, name));
  }

  test('a file that would grow too large is put aside, and the chain goes through all of them', async (t) => {
    const { folder, open, publish } = setUp(t, { maxBytes: 2_000 });
    const sink = await open();
    for (let n = 0; n < 20; n++) {
      publish(n);
      const lines = async () => (await verifyAudit(await files(folder))).lines;
      // In the middle of a rotation the file is not there.
      const written = () =>
        lines()
          .then((count) => count === n + 2)
          .catch(() => false);
      await until('it is written', written);
    }
    await sink.close();
    const all = await files(folder);
    assert.ok(all.length >= 3, `${all.length} files`);
    const verdict = await verifyAudit(all);
    assert.deepEqual([verdict.broken, verdict.lines], [null, 21]);
    for (const file of all.slice(0, -1)) {
      const { size } = await fs.stat(file);
      assert.ok(size <= 2_000 && size > 0, `${file}: ${size}`);
      const last = (await fs.readFile(file, 'utf8')).trimEnd().split('\n').at(-1)!;
      assert.equal(Number(path.extname(file).slice(1)), (JSON.parse(last) as Line).line);
    }
  });

  test('after a restart that finds only rotated files the chain goes on from the newest', async (t) => {
    const { folder, file, open, publish } = setUp(t);
    const first = await open();
    publish(1);
    await first.close();
    await fs.rename(file, `${file}.000000000002`);
    await (await open()).close();
    const verdict = await verifyAudit(await files(folder));
    assert.deepEqual([verdict.broken, verdict.lines], [null, 3]);
  });

  test('a file that somebody moved away is made anew, and the chain goes on', async (t) => {
    const { file, open, publish, told } = setUp(t);
    const sink = await open();
    await fs.rename(file, `${file}.moved`);
    publish(1);
    await sink.close();
    assert.deepEqual(await told(), ['2 1']);
    assert.equal((await verifyAudit([`${file}.moved`, file])).broken, null);
  });
});

describe('a disk that is full', () => {
  /** Writes fail with ENOSPC, after a few bytes, while `full`. */
  async function fill(t: TestContext): Promise<{ full: boolean }> {
    const disk = { full: false };
    const handle = await fs.open('/dev/null');
    await handle.close();
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    const { write } = prototype;
    t.mock.method(prototype, 'write', function (this: FileHandle, ...args: unknown[]) {
      const [bytes, start, length, at] = args as [Buffer, number, number, number];
      const part = (size: number) => Reflect.apply(write, this, [bytes, start, size, at]);
      if (!disk.full) return part(length);
      if (length > 7) return part(7);
      return Promise.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }));
    } as FileHandle['write']);
    return disk;
  }

  test('is told once; the events wait and are written when there is room, with nothing torn', async (t) => {
    const disk = await fill(t);
    const { file, open, publish, said, told } = setUp(t);
    const sink = await open();
    disk.full = true;
    publish(1);
    await until('it is told', () => said.length > 0);
    publish(2);
    assert.match(said[0], /cannot be written/);
    disk.full = false;
    await until('it is written', async () => (await told()).length === 3);
    assert.deepEqual(await told(), ['1 audit.opened', '2 1', '3 2']);
    assert.deepEqual(said.slice(1), ['the audit file is written again']);
    await sink.close();
    assert.equal((await verifyAudit([file])).broken, null);
  });

  test('events that no longer fit into memory are missing, and a line says how many', async (t) => {
    const disk = await fill(t);
    const { open, publish, said, read } = setUp(t, {}, 2);
    const sink = await open();
    disk.full = true;
    publish(1);
    await until('it is told', () => said.length > 0);
    publish(2, 3, 4, 5);
    disk.full = false;
    await until('it is written', async () => (await read()).length === 5);
    const entries = (await read()).map(({ entry }) => entry.graceMs ?? entry.missed ?? entry.type);
    assert.deepEqual(entries, ['audit.opened', 1, 2, 4, 5]);
    assert.equal(sink.lost, 2);
    assert.ok(said.some((message) => message.includes('missing from the audit file')));
    await sink.close();
  });

  test('at the end of the server what cannot be written is given up at once, and counted', async (t) => {
    const disk = await fill(t);
    const { file, open, publish, told } = setUp(t);
    const sink = await open();
    disk.full = true;
    publish(1, 2);
    await sink.close();
    assert.equal(sink.lost, 2);
    assert.deepEqual(await told(), ['1 audit.opened']);
    assert.equal((await verifyAudit([file])).broken, null);
  });
});
