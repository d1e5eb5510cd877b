/** Files that a test writes, gone with it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { generate } from 'selfsigned';

/** A fresh folder. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file into a fresh folder and gives its path. */
export function temporaryFile(t: TestContext, name: string, text: string): string {
  const file = path.join(temporaryFolder(t), name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

export interface Certificate {
  cert: string;
  key: string;
}

/** A self-signed certificate for the names; IP addresses among them are named as such. */
export async function makeCertificate(...names: string[]): Promise<Certificate> {
  const made = await generate([{ name: 'commonName', value: names[0] }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) =>
          /^[\d.]+$/.test(name)
            ? { type: 7 as const, ip: name }
            : { type: 2 as const, value: name },
        ),
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}
