/** Programs in Go, built from test/interop/peers with the versions and checksums that stand there. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
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
 * Builds a package, such as `./callback`, and resolves with the program's path. It goes away with
 * this process. A package with a go.mod of its own needs other versions than the rest.
 */
export async function buildGoProgram(what: string): Promise<string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-interop-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = path.join(folder, path.basename(what));
  const own = path.join(peers, what);
  const [cwd, wanted] = existsSync(path.join(own, 'go.mod')) ? [own, '.'] : [peers, what];
  const words = ['build', '-mod=readonly', '-buildvcs=false', '-o', program, wanted];
  await promisify(execFile)('go', words, { cwd, env });
  return program;
}
