import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { makeCertificate, temporaryFolder } from '../../test/support/files.ts';
import { until } from '../../test/support/wait.ts';
import type { SallyportError } from '../errors.ts';
import { FILES_SETTLE_MS } from '../limits.ts';
import { watchCertificate, type Certificate, type CertificateFiles } from './certificate.ts';

const [one, two] = await Promise.all([makeCertificate('one'), makeCertificate('two')]);

/** Writes the pair into a folder. */
function write(folder: string, { cert, key }: Certificate): CertificateFiles {
  const files = { cert: path.join(folder, 'tls.crt'), key: path.join(folder, 'tls.key') };
  fs.writeFileSync(files.cert, cert);
  fs.writeFileSync(files.key, key);
  return files;
}

/** Watches by a clock that goes on whenever the test waits. */
function watch(t: TestContext, files: CertificateFiles) {
  t.mock.timers.reset();
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const reloads: Certificate[] = [];
  const complaints: SallyportError[] = [];
  const watching = watchCertificate(files, {
    reloaded: (certificate) => void reloads.push(certificate),
    kept: (error) => void complaints.push(error),
  });
  t.after(() => watching.close());
  const settled = (what: string, condition: () => boolean): Promise<number> =>
    until(what, () => {
      t.mock.timers.tick(FILES_SETTLE_MS);
      return condition();
    });
  return { watching, reloads, complaints, settled };
}

test('what the files hold at the start is used at once', (t) => {
  const { watching } = watch(t, write(temporaryFolder(t), one));
  assert.deepEqual(watching.first, one);
});

test('a new pair is taken, once, and the same pair again is no news', async (t) => {
  const folder = temporaryFolder(t);
  const { reloads, complaints, settled } = watch(t, write(folder, one));
  write(folder, one);
  write(folder, two);
  await settled('the pair is taken', () => reloads.length > 0);
  write(folder, one);
  await settled('and the one after it', () => reloads.length > 1);
  assert.deepEqual([reloads, complaints], [[two, one], []]);
});

test('the two files may lie in two folders', async (t) => {
  const [certs, keys] = [temporaryFolder(t), temporaryFolder(t)];
  const files = { cert: write(certs, one).cert, key: write(keys, one).key };
  const { reloads, settled } = watch(t, files);
  write(certs, two);
  write(keys, two);
  await settled('the pair is taken', () => reloads.length > 0);
  assert.deepEqual(reloads, [two]);
});

test('half of a new pair keeps the old one, until the other half is there', async (t) => {
  const folder = temporaryFolder(t);
  const files = write(folder, one);
  const { reloads, complaints, settled } = watch(t, files);
  fs.writeFileSync(files.cert, two.cert);
  await settled('it is told', () => complaints.length > 0);
  assert.equal(complaints[0].code, 'CONFIG_INVALID');
  assert.match(complaints[0].message, /tls\.crt and .*tls\.key do not go together/);
  assert.equal(reloads.length, 0);
  fs.writeFileSync(files.key, two.key);
  await settled('the pair is taken', () => reloads.length > 0);
  assert.deepEqual([reloads, complaints.length], [[two], 1]);
});

test('a Kubernetes secret: the links lead elsewhere from one moment to the next', async (t) => {
  const mount = temporaryFolder(t);
  const version = (name: string, pair: Certificate): void => {
    fs.mkdirSync(path.join(mount, name));
    write(path.join(mount, name), pair);
    fs.symlinkSync(name, path.join(mount, '..data_tmp'));
    fs.renameSync(path.join(mount, '..data_tmp'), path.join(mount, '..data'));
  };
  version('..2026_01', one);
  for (const name of ['tls.crt', 'tls.key']) {
    fs.symlinkSync(path.join('..data', name), path.join(mount, name));
  }
  const files = { cert: path.join(mount, 'tls.crt'), key: path.join(mount, 'tls.key') };
  const { reloads, complaints, settled } = watch(t, files);
  version('..2026_02', two);
  fs.rmSync(path.join(mount, '..2026_01'), { recursive: true });
  await settled('the new version is taken', () => reloads.length > 0);
  assert.deepEqual([reloads, complaints], [[two], []]);
});

describe('files that cannot be used keep the old pair', () => {
  const ways: [string, (files: CertificateFiles) => void, RegExp][] = [
    ['one is gone', ({ key }) => fs.rmSync(key), /tls_key: cannot read .*tls\.key: ENOENT/],
    ['one is empty', ({ cert }) => fs.writeFileSync(cert, ''), /tls_cert: .*tls\.crt is empty/],
    ['one is no PEM', ({ key }) => fs.writeFileSync(key, 'canary'), /do not go together/],
  ];
  for (const [name, spoil, message] of ways) {
    test(`${name}: told once, however often something else changes there`, async (t) => {
      const folder = temporaryFolder(t);
      const files = write(folder, one);
      const { reloads, complaints, settled } = watch(t, files);
      spoil(files);
      await settled('it is told', () => complaints.length > 0);
      assert.match(complaints[0].message, message);
      assert.ok(!complaints[0].message.includes('canary'), 'nothing of the key is shown');
      const witness = fs.watch(folder);
      t.after(() => witness.close());
      fs.writeFileSync(path.join(folder, 'other'), '');
      await once(witness, 'change');
      t.mock.timers.tick(FILES_SETTLE_MS);
      assert.deepEqual([complaints.length, reloads.length], [1, 0]);
      write(folder, two);
      await settled('the next good pair is taken', () => reloads.length > 0);
      spoil(files);
      await settled('and the next bad one is told', () => complaints.length > 1);
    });
  }
});

describe('at the start, what cannot be used is refused by name', () => {
  test('a missing file, one that is none, and an empty one', (t) => {
    const folder = temporaryFolder(t);
    const { cert, key } = write(folder, one);
    const absent = path.join(folder, 'absent');
    const empty = path.join(folder, 'empty');
    fs.writeFileSync(empty, '');
    assert.throws(() => watch(t, { cert: absent, key }), {
      code: 'CONFIG_INVALID',
      message: `tls_cert: cannot read ${absent}: ENOENT`,
    });
    assert.throws(() => watch(t, { cert, key: folder }), { message: /^tls_key: .*EISDIR/ });
    assert.throws(() => watch(t, { cert: empty, key }), { message: `tls_cert: ${empty} is empty` });
  });

  test('two files that do not go together', (t) => {
    const files = write(temporaryFolder(t), { cert: one.cert, key: two.key });
    assert.throws(() => watch(t, files), {
      code: 'CONFIG_INVALID',
      message: /do not go together/,
    });
  });
});

test('closed: nothing is read any more', async (t) => {
  const folder = temporaryFolder(t);
  const files = write(folder, one);
  const closed = watch(t, files);
  closed.watching.close();
  const beside = watch(t, files);
  write(folder, two);
  await beside.settled('the other one sees it', () => beside.reloads.length > 0);
  assert.equal(closed.reloads.length, 0);
});

test('other files are taken over, and followed from then on', async (t) => {
  const [before, after] = [temporaryFolder(t), temporaryFolder(t)];
  const { watching, reloads, settled } = watch(t, write(before, one));
  const files = write(after, two);
  const use = watching.prepare(files);
  assert.equal(reloads.length, 0, 'not before it is asked for');
  use();
  assert.deepEqual(reloads, [two]);
  write(before, two);
  write(after, one);
  await settled('the change of the new files is seen', () => reloads.length > 1);
  assert.deepEqual(reloads, [two, one]);
});

test('other files that cannot be used are refused, and the ones before stay', (t) => {
  const { watching, reloads } = watch(t, write(temporaryFolder(t), one));
  const files = write(temporaryFolder(t), { cert: one.cert, key: two.key });
  assert.throws(() => watching.prepare(files), { code: 'CONFIG_INVALID' });
  assert.equal(reloads.length, 0);
});
