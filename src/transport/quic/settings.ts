/** What both ends of a QUIC connection agree on, and the certificates they show and ask for. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import tls from 'node:tls';
import { SallyportError } from '../../errors.ts';
import {
  QUIC_CONNECTION_WINDOW_MAX_BYTES,
  QUIC_DATAGRAM_MAX_BYTES,
  QUIC_IDLE_TIMEOUT_MS,
  QUIC_STREAM_WINDOW_BYTES,
  QUIC_STREAMS_MAX,
  QUIC_UNI_STREAMS_MAX,
  STREAM_WINDOW_MAX_BYTES,
} from '../../limits.ts';
import type { NativeConfig, NativeQuic } from './binding.ts';
import { saysCertified } from './initial.ts';

export interface QuicSettings {
  /** Application protocols (ALPN), the wanted one first. */
  readonly protocols: readonly string[];
  /** PEM: the certificate chain shown to the peer, and its key. A server needs them. */
  readonly cert?: string;
  readonly key?: string;
  /**
   * PEM of authorities. A client trusts them beside the public ones; a server that has some demands a
   * certificate of every client whose id says that it has one.
   */
  readonly ca?: string;
  /** A client takes whatever certificate the server shows. */
  readonly insecure?: boolean;
  /** A connection is lost after so much silence. Default: QUIC_IDLE_TIMEOUT_MS. */
  readonly idleTimeoutMs?: number;
  /** Streams both ways that the peer may have open at once. Default: QUIC_STREAMS_MAX. */
  readonly streamsMax?: number;
}

/** What the client meets whose first packet comes from this id of its own. */
export type ServerConfigs = (source: Buffer) => NativeConfig;

export function serverConfigs(native: NativeQuic, settings: QuicSettings): ServerConfigs {
  const { cert, key, ca } = settings;
  if (cert === undefined || key === undefined)
    throw new SallyportError('CONFIG_INVALID', 'quic: a server needs a certificate and its key');
  const usual = config(native, settings, undefined);
  if (ca === undefined) return () => usual;
  checkCertificates('the authorities of clients', ca);
  const demanding = config(native, settings, ca);
  return (source) => (saysCertified(source) ? demanding : usual);
}

export function clientConfig(native: NativeQuic, settings: QuicSettings): NativeConfig {
  const own = settings.ca === undefined ? '' : `${settings.ca}\n`;
  if (settings.ca !== undefined) checkCertificates('the authorities', settings.ca);
  const trusted = settings.insecure ? undefined : own + tls.rootCertificates.join('\n');
  return config(native, settings, trusted);
}

function config(native: NativeQuic, settings: QuicSettings, ca: string | undefined): NativeConfig {
  const { cert, key } = settings;
  checkPair(cert, key);
  const made = native.Config.withBoringSslCtx(
    ca !== undefined,
    false,
    ca === undefined ? undefined : Buffer.from(ca),
    key === undefined ? undefined : [Buffer.from(key)],
    cert === undefined ? undefined : [Buffer.from(cert)],
  );
  made.setApplicationProtos([...settings.protocols]);
  made.setMaxIdleTimeout(settings.idleTimeoutMs ?? QUIC_IDLE_TIMEOUT_MS);
  made.setMaxRecvUdpPayloadSize(65_527);
  made.setMaxSendUdpPayloadSize(QUIC_DATAGRAM_MAX_BYTES);
  made.setInitialMaxData(QUIC_CONNECTION_WINDOW_MAX_BYTES);
  made.setInitialMaxStreamDataBidiLocal(QUIC_STREAM_WINDOW_BYTES);
  made.setInitialMaxStreamDataBidiRemote(QUIC_STREAM_WINDOW_BYTES);
  made.setInitialMaxStreamDataUni(QUIC_STREAM_WINDOW_BYTES);
  made.setInitialMaxStreamsBidi(settings.streamsMax ?? QUIC_STREAMS_MAX);
  made.setInitialMaxStreamsUni(QUIC_UNI_STREAMS_MAX);
  made.setMaxStreamWindow(STREAM_WINDOW_MAX_BYTES);
  made.setMaxConnectionWindow(QUIC_CONNECTION_WINDOW_MAX_BYTES);
  // Nobody is told here when a datagram should leave: none waits. But without this the library takes
  // the times of earlier datagrams for those of later ones while the window holds fewer than eight: its
  // round trip then grows without end, and a loss is mended after minutes.
  made.enablePacing(true);
  return made;
}

/** The library takes junk for "nobody is trusted", and says so to the peer only. */
function checkPair(cert: string | undefined, key: string | undefined): void {
  if (cert === undefined && key === undefined) return;
  const [first] = checkCertificates('the certificate', cert ?? '');
  let fits: boolean;
  try {
    fits = first.checkPrivateKey(createPrivateKey(key ?? ''));
  } catch (cause) {
    throw new SallyportError('CONFIG_INVALID', 'quic: the key of the certificate is no PEM key', {
      cause,
    });
  }
  if (!fits)
    throw new SallyportError('CONFIG_INVALID', 'quic: certificate and key do not go together');
}

function checkCertificates(what: string, pem: string): X509Certificate[] {
  try {
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const certificates = blocks.map((block) => new X509Certificate(block));
    if (certificates.length > 0) return certificates;
  } catch {
    // Said below.
  }
  throw new SallyportError('CONFIG_INVALID', `quic: ${what}: no certificates in PEM`);
}
