/** Programs in Go, built from test/interop/peers with the versions and checksums that stand there. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const peers = path.join(import.meta.dirname, 'peers');
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/local/go/bin` };

/** Why these tests are skipped; false where Go is there. */
export const withoutGo: string | false = (() => {
  try {
    execFileSync('go', ['version'], { env });
    return false;
  } catch {
    return 'Go is not installed';
  }
})();

/**
 * Builds a package, `./callback` or the import path of an original that go.mod names, and resolves
 * with the program's path. It goes away with this process.
 */
export async function buildGoProgram(what: string): Promise<string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-interop-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = path.join(folder, path.basename(what));
  const words = ['build', '-mod=readonly', '-buildvcs=false', '-o', program, what];
  await promisify(execFile)('go', words, { cwd: peers, env });
  return program;
}
