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
  /** The new files cannot be used, or will not be noticed; the certificate before them stays. */
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
  const watchers: fs.FSWatcher[] = [];
  for (const directory of new Set([path.dirname(files.cert), path.dirname(files.key)])) {
    const blind = (cause: NodeJS.ErrnoException): void => events.kept(unwatched(directory, cause));
    try {
      const watcher = fs.watch(directory, { persistent: false }, changed);
      watchers.push(watcher.on('error', blind));
    } catch (thrown) {
      blind(thrown as NodeJS.ErrnoException);
    }
  }

  return {
    first,
    close() {
      clearTimeout(timer ?? undefined);
      for (const watcher of watchers) watcher.close();
    },
  };
}

function unwatched(directory: string, cause: NodeJS.ErrnoException): SallyportError {
  return new SallyportError(
    'CONFIG_INVALID',
    `tls: ${directory} cannot be watched: ${cause.code}; restart after its files change`,
    { cause },
  );
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
  const text = readText(key, file);
  if (text !== '') return text;
  // OpenSSL would do without: a server that can shake nobody's hand.
  throw new SallyportError('CONFIG_INVALID', `${key}: ${file} is empty`);
}

function readText(key: string, file: string): string {
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
