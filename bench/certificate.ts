/** A certificate for 127.0.0.1, made anew for each run. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  /** Both in one file, as haproxy wants them. */
  readonly both: string;
}

export async function writeCertificate(directory: string): Promise<CertificateFiles> {
  const made = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    curve: 'P-256',
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  const files = {
    certificate: join(directory, 'certificate.pem'),
    key: join(directory, 'key.pem'),
    both: join(directory, 'certificate-and-key.pem'),
  };
  writeFileSync(files.certificate, made.cert);
  writeFileSync(files.key, made.private, { mode: 0o600 });
  writeFileSync(files.both, `${made.cert}\n${made.private}`, { mode: 0o600 });
  return files;
}
