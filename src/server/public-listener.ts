/** The server's public addresses, with the certificate that it shows there. */
import { SallyportError } from '../errors.ts';
import type { Logger } from '../observe/logger.ts';
import { watchCertificate, type CertificateFiles } from './certificate.ts';
import { openListener, type Listener, type ListenerOptions } from './listener.ts';

export interface PublicListenerOptions extends Omit<ListenerOptions, 'certificate'> {
  /** Absent: plain. */
  readonly tls: CertificateFiles | undefined;
  readonly log: Logger;
}

export interface PublicListener extends Pick<Listener, 'address' | 'close'> {
  readonly secure: boolean;
  /** Prepares other files. Throws CONFIG_INVALID when they cannot be used, and for TLS or none where it was otherwise. */
  prepare(files: CertificateFiles | undefined): () => void;
}

/** Rejects with LISTEN_FAILED, and CONFIG_INVALID for files that cannot be used. */
export async function openPublicListener(options: PublicListenerOptions): Promise<PublicListener> {
  const { tls, log } = options;
  const certificate =
    tls === undefined
      ? null
      : watchCertificate(tls, {
          reloaded(next, { cert }) {
            listener.useCertificate(next);
            log.info({ cert }, 'certificate reloaded');
          },
          kept: ({ code, message }) =>
            log.error({ code, error: message }, 'certificate not reloaded; the old one stays'),
        });
  const close = (): void => certificate?.close();
  const listener = await openListener({
    ...options,
    certificate: certificate?.first ?? null,
  }).catch((thrown: unknown) => {
    close();
    throw thrown;
  });
  return {
    address: listener.address,
    secure: certificate !== null,
    prepare(files) {
      if (files !== undefined && certificate !== null) return certificate.prepare(files);
      throw new SallyportError('CONFIG_INVALID', 'tls: TLS or none needs a restart');
    },
    close() {
      close();
      listener.close();
    },
  };
}
