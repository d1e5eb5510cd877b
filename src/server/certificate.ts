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

/** A certificate chain and its key, PEM; they go together. */
export interface Certificate {
  cert: string;
  key: string;
}

export interface CertificateEvents {
  /** The files hold a new certificate. */
  reloaded(certificate: Certificate): void;
  /** The new files cannot be used; the certificate before them stays. */
  kept(error: SallyportError): void;
}

export interface CertificateWatch {
  /** What the files held at the start. */
  readonly first: Certificate;
  close(): void;
}

/**
 * Reads the files and follows them. Directories are watched, not the files: a swap of links, as
 * Kubernetes does it, replaces what a watched file is. Throws CONFIG_INVALID at the start only.
 */
export function watchCertificate(
  files: CertificateFiles,
  events: CertificateEvents,
): CertificateWatch {
  const first = read(files);
  let current = first;
  /** What was told last about files that cannot be used: other changes beside them say it again. */
  let complaint = '';
  let timer: NodeJS.Timeout | null = null;

  function reread(): void {
    timer = null;
    try {
      const next = read(files);
      complaint = '';
      if (next.cert === current.cert && next.key === current.key) return;
      current = next;
      events.reloaded(next);
    } catch (thrown) {
      const error = thrown as SallyportError;
      if (error.message !== complaint) events.kept(error);
      complaint = error.message;
    }
  }
  // Both files change one after the other: what is read in between does not match.
  const changed = (): void => {
    timer ??= setTimeout(reread, CERTIFICATE_SETTLE_MS);
  };
  const directories = new Set([path.dirname(files.cert), path.dirname(files.key)]);
  const watchers = [...directories].map((directory) =>
    fs.watch(directory, { persistent: false }, changed),
  );

  return {
    first,
    close() {
      clearTimeout(timer ?? undefined);
      for (const watcher of watchers) watcher.close();
    },
  };
}

function read(files: CertificateFiles): Certificate {
  const cert = readPem('tls_cert', files.cert);
  const key = readPem('tls_key', files.key);
  try {
    tls.createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    const why = (cause as Error).message;
    throw new SallyportError(
      'CONFIG_INVALID',
      `tls: ${files.cert} and ${files.key} do not go together: ${why}`,
      { cause },
    );
  }
}

function readPem(key: string, file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SallyportError(
      'CONFIG_INVALID',
      `${key}: cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`,
      { cause },
    );
  }
}
