/**
 * The native QUIC implementation: quiche without input and output of its own, as the optional package
 * `@matrixai/quic` brings it for some platforms. Only what is used here is described. Its methods
 * throw errors whose message begins with the name of quiche's error.
 */
import { createRequire } from 'node:module';
import { SallyportError } from '../../errors.ts';

export interface NativeAddress {
  host: string;
  port: number;
}

export interface NativeCloseReason {
  isApp: boolean;
  errorCode: number;
  reason: Uint8Array;
}

export interface NativeConnection {
  recv(datagram: Uint8Array, info: { from: NativeAddress; to: NativeAddress }): number;
  /** Writes the next datagram; null: nothing to send now. */
  send(room: Uint8Array): [length: number, info: { to: NativeAddress }] | null;
  /** Null: nothing is there. */
  streamRecv(id: number, room: Uint8Array): [length: number, fin: boolean] | null;
  /** Null: nothing was taken. */
  streamSend(id: number, bytes: Uint8Array, fin: boolean): number | null;
  streamShutdown(id: number, direction: 0 | 1, code: number): void;
  /** Bytes that would be taken now. */
  streamCapacity(id: number): number;
  peerStreamsLeftBidi(): number;
  peerStreamsLeftUni(): number;
  readable(): Iterable<number>;
  /** Milliseconds until `onTimeout` is due. */
  timeout(): number | null;
  onTimeout(): void;
  close(app: boolean, code: number, reason: Uint8Array): void;
  applicationProto(): Uint8Array;
  /** DER, the peer's own first. */
  peerCertChain(): Uint8Array[] | null;
  isEstablished(): boolean;
  /** A close was sent or received; nothing more comes. */
  isDraining(): boolean;
  isClosed(): boolean;
  isTimedOut(): boolean;
  peerError(): NativeCloseReason | null;
  localError(): NativeCloseReason | null;
  sendAckEliciting(): void;
}

export interface NativeConfig {
  setApplicationProtos(names: string[]): void;
  setMaxIdleTimeout(ms: number): void;
  setMaxRecvUdpPayloadSize(bytes: number): void;
  setMaxSendUdpPayloadSize(bytes: number): void;
  setInitialMaxData(bytes: number): void;
  setInitialMaxStreamDataBidiLocal(bytes: number): void;
  setInitialMaxStreamDataBidiRemote(bytes: number): void;
  setInitialMaxStreamDataUni(bytes: number): void;
  setInitialMaxStreamsBidi(count: number): void;
  setInitialMaxStreamsUni(count: number): void;
  setMaxStreamWindow(bytes: number): void;
  setMaxConnectionWindow(bytes: number): void;
  /** Of the connections that are accepted with it from now on. */
  setStatelessResetToken(token: bigint): void;
  enablePacing(on: boolean): void;
}

export interface NativeQuic {
  Config: {
    withBoringSslCtx(
      verifyPeer: boolean,
      allowFailure: boolean,
      ca?: Uint8Array,
      keys?: Uint8Array[],
      chains?: Uint8Array[],
    ): NativeConfig;
  };
  Connection: {
    connect(
      serverName: string | null,
      sourceId: Uint8Array,
      local: NativeAddress,
      remote: NativeAddress,
      config: NativeConfig,
    ): NativeConnection;
    /** `originalId`: the destination id of the Initial that a Retry answered. */
    accept(
      sourceId: Uint8Array,
      originalId: Uint8Array | null,
      local: NativeAddress,
      remote: NativeAddress,
      config: NativeConfig,
    ): NativeConnection;
  };
  negotiateVersion(sourceId: Uint8Array, destinationId: Uint8Array, room: Uint8Array): number;
  retry(
    sourceId: Uint8Array,
    destinationId: Uint8Array,
    newSourceId: Uint8Array,
    token: Uint8Array,
    version: number,
    room: Uint8Array,
  ): number;
  versionIsSupported(version: number): boolean;
}

/** Past the package's own classes, which are not used and would be loaded with it. */
const MODULE = '@matrixai/quic/dist/native/quiche.js';

let loaded: NativeQuic | null = null;

/** Loads it at the first call. Throws QUIC_UNAVAILABLE, with the reason. */
export function loadQuic(): NativeQuic {
  try {
    return (loaded ??= (createRequire(import.meta.url)(MODULE) as { default: NativeQuic }).default);
  } catch (cause) {
    const { message } = cause as Error;
    const why = /Cannot find module '@matrixai/.test(message)
      ? 'the optional package @matrixai/quic is not installed'
      : /native bindings|Unsupported/.test(message)
        ? `there is no build of it for ${process.platform} ${process.arch}`
        : message.split('\n', 1)[0];
    throw new SallyportError('QUIC_UNAVAILABLE', `quic: unavailable on this platform: ${why}`, {
      cause,
    });
  }
}

/** Null, or why QUIC cannot be used here. */
export function quicFault(): SallyportError | null {
  try {
    loadQuic();
    return null;
  } catch (thrown) {
    return thrown as SallyportError;
  }
}

/** The code of an error such as `StreamReset(268)`; null for one of another name. */
export function codeOf({ message }: Error, name: string): number | null {
  return message.startsWith(`${name}(`)
    ? Number.parseInt(message.slice(name.length + 1), 10)
    : null;
}
