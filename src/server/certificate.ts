/** The server's certificate, read again whenever its files change. */
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { SallyportError } from '../errors.ts';
import { CERTIFICATE_SETTLE_MS } from '../limits.ts';

export interface CertificateFiles {
  cert: string;
  key: string;
}

export interface CertificateEvents {
  /** A new certificate is in use for connections made from now on. */
  reloaded(): void;
  /** The new files cannot be used; the certificate before them stays. */
  kept(error: SallyportError): void;
}

export interface CertificateWatch {
  /** What is in use now. */
  readonly context: tls.SecureContext;
  close(): void;
}

/**
 * Reads the files and follows them. Directories are watched, not the files: a swap of links, as
 * Kubernetes does it, replaces what a watched file is. Throws CONFIG_INVALID at the start only.
 */
export function watchCertificate(files: CertificateFiles, events: CertificateEvents): CertificateWatch {
  let { context, pem } = read(files);
  let timer: NodeJS.Timeout | null = null;

  function reread(): void {
    timer = null;
    try {
      const next = read(files);
      if (next.pem === pem) return;
      ({ context, pem } = next);
      events.reloaded();
    } catch (thrown) {
      events.kept(thrown as SallyportError);
    }
  }
  // Both files change one after the other: what is read in between does not match.
  const changed = (): void => {
    timer ??= setTimeout(reread, CERTIFICATE_SETTLE_MS);
  };
  const directories = new Set([path.dirname(files.cert), path.dirname(files.key)]);
  const watchers = [...directories].map((directory) => fs.watch(directory, { persistent: false }, changed));

  return {
    get context() {
      return context;
    },
    close() {
      clearTimeout(timer ?? undefined);
      for (const watcher of watchers) watcher.close();
    },
  };
}

function read(files: CertificateFiles): { context: tls.SecureContext; pem: string } {
  const cert = readPem('tls_cert', files.cert);
  const key = readPem('tls_key', files.key);
  try {
    return { context: tls.createSecureContext({ cert, key, minVersion: 'TLSv1.2' }), pem: cert + key };
  } catch (cause) {
    const why = (cause as Error).message;
    throw new SallyportError('CONFIG_INVALID', `tls: ${files.cert} and ${files.key} do not go together: ${why}`, { cause });
  }
}

function readPem(key: string, file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SallyportError('CONFIG_INVALID', `${key}: cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}
