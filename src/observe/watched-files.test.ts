import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { temporaryFolder } from '../../test/support/files.ts';
import { until } from '../../test/support/wait.ts';
import { FILES_POLL_MS, FILES_SETTLE_MS } from '../limits.ts';
import { watchFiles } from './watched-files.ts';

/** Follows the files by a clock that goes on when the test says so; the first call is over. */
function follow(t: TestContext, ...files: string[]) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let told = 0;
  const watching = watchFiles(files, () => void told++);
  t.after(() => watching.close());
  const settle = (times = 2): void => {
    for (let i = 0; i < times; i++) t.mock.timers.tick(FILES_SETTLE_MS);
  };
  settle();
  assert.equal(told, 1, 'it is told once at the start');
  return {
    watching,
    settle,
    told: () => told,
    /** Waits until a change is told. */
    tells: (what: string, times = 2) =>
      until(what, () => {
        settle(1);
        return told >= times;
      }),
  };
}

/** Resolves when the kernel has told of the changes made in the folder until now. */
async function heardOf(t: TestContext, folder: string): Promise<void> {
  const witness = fs.watch(folder);
  t.after(() => witness.close());
  const told = once(witness, 'change');
  fs.writeFileSync(path.join(folder, 'witness'), '');
  await told;
}

function fileIn(folder: string, text = 'one'): string {
  const file = path.join(folder, 'file');
  fs.writeFileSync(file, text);
  return file;
}

describe('a change is told', () => {
  const ways: [string, (file: string) => void][] = [
    ['written in place', (file) => fs.writeFileSync(file, 'two')],
    [
      'another renamed over it',
      (file) => {
        fs.writeFileSync(`${file}.new`, 'two');
        fs.renameSync(`${file}.new`, file);
      },
    ],
    ['removed', (file) => fs.rmSync(file)],
    ['made readable', (file) => fs.chmodSync(file, 0o640)],
  ];
  for (const [name, change] of ways) {
    test(name, async (t) => {
      const file = fileIn(temporaryFolder(t));
      const { tells, told } = follow(t, file);
      change(file);
      await tells(name);
      assert.equal(told(), 2);
    });
  }

  test('a file that was not there appears', async (t) => {
    const folder = temporaryFolder(t);
    const { tells } = follow(t, path.join(folder, 'file'));
    fileIn(folder);
    await tells('it appears');
  });

  test('its whole directory is replaced by another', async (t) => {
    const parent = temporaryFolder(t);
    const folder = path.join(parent, 'folder');
    fs.mkdirSync(folder);
    const file = fileIn(folder);
    const { tells } = follow(t, file);
    fs.renameSync(folder, path.join(parent, 'old'));
    fs.mkdirSync(folder);
    fileIn(folder, 'two');
    await tells('the other directory is seen');
    fileIn(folder, 'three');
    await tells('and followed', 3);
  });
});

describe('links along the path', () => {
  test('Kubernetes: ..data leads to another directory from one moment to the next', async (t) => {
    const mount = temporaryFolder(t);
    const version = (name: string, text: string): void => {
      fs.mkdirSync(path.join(mount, name));
      fileIn(path.join(mount, name), text);
      fs.symlinkSync(name, path.join(mount, '..data_tmp'));
      fs.renameSync(path.join(mount, '..data_tmp'), path.join(mount, '..data'));
    };
    version('..2026_01', 'one');
    fs.symlinkSync('..data/file', path.join(mount, 'file'));
    const { tells, told } = follow(t, path.join(mount, 'file'));
    version('..2026_02', 'two');
    fs.rmSync(path.join(mount, '..2026_01'), { recursive: true });
    await tells('the swap is seen');
    version('..2026_03', 'three');
    await tells('and the next one', 3);
    assert.equal(told(), 3);
  });

  test('a directory above the file is a link that is swapped', async (t) => {
    const parent = temporaryFolder(t);
    for (const name of ['one', 'two']) {
      fs.mkdirSync(path.join(parent, name, 'etc'), { recursive: true });
      fileIn(path.join(parent, name, 'etc'), name);
    }
    fs.symlinkSync('one', path.join(parent, 'current'));
    const { tells } = follow(t, path.join(parent, 'current', 'etc', 'file'));
    fs.symlinkSync(path.join(parent, 'two'), path.join(parent, 'next'));
    fs.renameSync(path.join(parent, 'next'), path.join(parent, 'current'));
    await tells('the swap is seen');
    fileIn(path.join(parent, 'two', 'etc'), 'changed');
    await tells('and what it leads to is followed', 3);
  });

  test('the file that a link leads to changes where it is', async (t) => {
    const [here, there] = [temporaryFolder(t), temporaryFolder(t)];
    fs.symlinkSync(fileIn(there), path.join(here, 'link'));
    const { tells } = follow(t, path.join(here, 'link'));
    fileIn(there, 'two');
    await tells('the change is seen');
  });

  test('links that go round in a circle are a file that is not there', (t) => {
    const folder = temporaryFolder(t);
    fs.symlinkSync('b', path.join(folder, 'a'));
    fs.symlinkSync('a', path.join(folder, 'b'));
    follow(t, path.join(folder, 'a'));
  });
});

test('nothing is told while somebody is still writing', async (t) => {
  const folder = temporaryFolder(t);
  const file = fileIn(folder);
  const { settle, told } = follow(t, file);
  fs.truncateSync(file);
  await heardOf(t, folder);
  for (let piece = 0; piece < 5; piece++) {
    settle(1);
    fs.appendFileSync(file, 'piece');
  }
  assert.equal(told(), 1);
  settle();
  assert.equal(told(), 2);
});

test('other files in the directory are nobody’s business', async (t) => {
  const folder = temporaryFolder(t);
  const { settle, told } = follow(t, fileIn(folder));
  await heardOf(t, folder);
  settle(5);
  assert.equal(told(), 1);
});

test('other files may be followed from some moment on', async (t) => {
  const [before, after] = [temporaryFolder(t), temporaryFolder(t)];
  const { watching, settle, tells, told } = follow(t, fileIn(before));
  watching.follow([fileIn(before)]);
  watching.follow([fileIn(after)]);
  settle();
  assert.equal(told(), 2, 'they were not read yet');
  fs.rmSync(before, { recursive: true });
  fileIn(after, 'two');
  await tells('they are followed', 3);
  settle();
  assert.equal(told(), 3);
});

test('where nothing can be watched, changes are found by looking', (t) => {
  t.mock.method(fs, 'watch', () => {
    throw Object.assign(new Error('no watches left'), { code: 'ENOSPC' });
  });
  const folder = temporaryFolder(t);
  const { settle, told } = follow(t, fileIn(folder));
  fileIn(folder, 'two');
  t.mock.timers.tick(FILES_POLL_MS);
  settle();
  assert.equal(told(), 2);
});

test('closed: nothing is told any more', async (t) => {
  const folder = temporaryFolder(t);
  const { watching, settle, told } = follow(t, fileIn(folder));
  watching.close();
  fileIn(folder, 'two');
  await heardOf(t, folder);
  settle();
  t.mock.timers.tick(FILES_POLL_MS);
  assert.equal(told(), 1);
});
