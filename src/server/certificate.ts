/** The server's certificate, read again whenever its files change. */
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import tls from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { SallyportError } from '../errors.ts';
import { watchFiles } from '../observe/watched-files.ts';

export interface CertificateFiles {
  cert: string;
  key: string;
  /** Authorities of clients' certificates: these are asked for then, and not demanded. */
  clientCa?: string;
}

/** A certificate chain and its key, PEM; they go together. */
export interface Certificate {
  cert: string;
  key: string;
  /** Those that sign clients' certificates. */
  ca?: string;
}

export interface CertificateEvents {
  /** The files hold a new certificate. */
  reloaded(certificate: Certificate, files: CertificateFiles): void;
  /** The new files cannot be used; the certificate before them stays. */
  kept(error: SallyportError): void;
}

export interface CertificateWatch {
  /** What the files held at the start. */
  readonly first: Certificate;
  /**
   * Reads other files. Throws CONFIG_INVALID when they cannot be used; what it returns puts them in
   * the place of the ones before.
   */
  prepare(files: CertificateFiles): () => void;
  close(): void;
}

/** Reads the files and follows them. Throws CONFIG_INVALID at the start only. */
export function watchCertificate(
  files: CertificateFiles,
  events: CertificateEvents,
): CertificateWatch {
  const first = readCertificate(files);
  let current = first;
  let followed = files;
  /** What was told last about files that cannot be used: other changes beside them say it again. */
  let complaint = '';

  function use(next: Certificate): void {
    complaint = '';
    if (isDeepStrictEqual(next, current)) return;
    current = next;
    events.reloaded(next, followed);
  }

  function reread(): void {
    try {
      use(readCertificate(followed));
    } catch (thrown) {
      const error = thrown as SallyportError;
      if (error.message !== complaint) events.kept(error);
      complaint = error.message;
    }
  }

  const watch = watchFiles(namesOf(files), reread);
  return {
    first,
    prepare(next) {
      if ((next.clientCa === undefined) !== (followed.clientCa === undefined)) {
        const why = 'whether clients are asked for certificates needs a restart';
        throw new SallyportError('CONFIG_INVALID', `tls_client_ca: ${why}`);
      }
      const certificate = readCertificate(next);
      return () => {
        followed = next;
        watch.follow(namesOf(next));
        use(certificate);
      };
    },
    close: () => watch.close(),
  };
}

function namesOf({ cert, key, clientCa }: CertificateFiles): string[] {
  return clientCa === undefined ? [cert, key] : [cert, key, clientCa];
}

/** Throws CONFIG_INVALID for files that are no certificate, no key of it or no authorities. */
export function readCertificate(files: CertificateFiles): Certificate {
  const cert = readPem('tls_cert', files.cert);
  const key = readPem('tls_key', files.key);
  const ca = files.clientCa === undefined ? {} : { ca: readAuthorities(files.clientCa) };
  try {
    tls.createSecureContext({ cert, key });
    return { cert, key, ...ca };
  } catch (cause) {
    const why = (cause as Error).message;
    throw new SallyportError(
      'CONFIG_INVALID',
      `tls: ${files.cert} and ${files.key} do not go together: ${why}`,
      { cause },
    );
  }
}

/** OpenSSL would pass over what is no certificate, and trust nobody then. */
function readAuthorities(file: string): string {
  const text = readPem('tls_client_ca', file);
  try {
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const certificates = blocks.map((block) => new X509Certificate(block));
    if (certificates.length > 0) return text;
  } catch {
    // Said below.
  }
  throw new SallyportError('CONFIG_INVALID', `tls_client_ca: ${file} holds no certificates in PEM`);
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
