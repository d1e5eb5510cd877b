/** QUIC on a server: the door, the process behind it, and the certificate that it shows. */
import { randomBytes } from 'node:crypto';
import { SallyportError } from '../../errors.ts';
import { HEARTBEAT_MS } from '../../limits.ts';
import { formatAddress, type HostPort } from '../../net/address.ts';
import { quicFault } from '../../transport/quic/binding.ts';
import type { Logger } from '../../observe/logger.ts';
import { watchCertificate, type CertificateFiles } from '../certificate.ts';
import type { QuicOwnSettings, ServerOptions } from '../options.ts';
import { openQuicDoor, type QuicDoorOptions } from './door.ts';
import { superviseGateway } from './supervisor.ts';

export interface QuicServiceOptions extends QuicDoorOptions {
  readonly listen: HostPort;
  readonly own: QuicOwnSettings;
  readonly tls: CertificateFiles;
  readonly heartbeatMs: number;
  readonly log: Logger;
}

export interface QuicService {
  readonly address: HostPort;
  /** Of the process that serves it now. */
  readonly pid: number | undefined;
  /** As `PublicListener.prepare`. */
  prepare(files: CertificateFiles | undefined): () => void;
  /** Takes nothing new. The process ends once the server has ended its sessions. */
  close(): void;
  /** Resolves after `close`, when the process has ended. */
  readonly closed: Promise<void>;
}

/** Null also where the options do not ask for QUIC. Rejects with CONFIG_INVALID where they do without TLS. */
export async function openConfiguredQuic(
  {
    quicListen: listen,
    quic: own = {},
    log,
    heartbeatMs = HEARTBEAT_MS,
    ...options
  }: ServerOptions,
  door: QuicDoorOptions,
): Promise<QuicService | null> {
  if (listen === undefined) return null;
  const tls = own.tls ?? options.tls;
  if (tls === undefined) {
    const why = 'QUIC is always encrypted: it needs tls_cert and tls_key';
    throw new SallyportError('CONFIG_INVALID', `quic_listen: ${why}`);
  }
  return openQuicService({ ...door, listen, tls, own, log, heartbeatMs });
}

/**
 * Null where this platform has no QUIC: the log says why, and everything else works. Rejects with
 * LISTEN_FAILED, and CONFIG_INVALID for a certificate that cannot be used.
 */
async function openQuicService(options: QuicServiceOptions): Promise<QuicService | null> {
  const { listen, own, log } = options;
  const fault = quicFault();
  if (fault !== null) {
    log.error({ code: fault.code, error: fault.message }, 'QUIC is not served');
    return null;
  }
  using opened = new DisposableStack();
  const certificate = watchCertificate(options.tls, {
    reloaded(next, files) {
      supervisor.useCertificate(next);
      log.info({ cert: files.cert, transport: 'quic' }, 'certificate reloaded');
    },
    kept({ code, message }: SallyportError) {
      // The listener for TCP follows the same files, and says so; others it does not know.
      if (own.tls !== undefined)
        log.error({ code, error: message }, 'certificate not reloaded; the old one stays');
    },
  });
  opened.defer(() => certificate.close());
  const door = await openQuicDoor(options);
  opened.defer(() => door.close());
  const { socketPath } = door;
  const supervisor = await superviseGateway({
    gateway: {
      listen,
      certificate: certificate.first,
      socketPath,
      heartbeatMs: options.heartbeatMs,
      ...(own.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: own.idleTimeoutMs }),
      ...(own.keepAliveMs === undefined ? {} : { keepAliveMs: own.keepAliveMs }),
      resetKey: randomBytes(32).toString('base64'),
      dialects: [...options.dialects.keys()],
    },
    lost: (why) => log.error({ error: why }, 'the process that serves QUIC is started again'),
    restarted: () =>
      log.info({ listen: formatAddress(supervisor.address) }, 'QUIC is served again'),
  });
  const ended = Promise.withResolvers<void>();
  opened.defer(() => void supervisor.close().then(ended.resolve));
  log.info({ listen: formatAddress(supervisor.address) }, 'QUIC is served');
  const everything = opened.move();
  return {
    address: supervisor.address,
    get pid() {
      return supervisor.pid;
    },
    prepare(files) {
      if (own.tls !== undefined) return () => {};
      if (files !== undefined) return certificate.prepare(files);
      throw new SallyportError('CONFIG_INVALID', 'tls: TLS or none needs a restart');
    },
    closed: ended.promise,
    close: () => everything.dispose(),
  };
}
