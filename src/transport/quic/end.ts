/** How a connection ended, in the words of whoever is told. */
import { printable } from '../../net/printable.ts';
import type { NativeConnection } from './binding.ts';
import type { QuicEnd } from './user.ts';

export const handshakeLate: QuicEnd = {
  remote: false,
  timedOut: true,
  application: false,
  code: 0,
  reason: 'the handshake was not done in time',
};

/** Of a connection that the native code has ended. */
export function endOf(native: NativeConnection): QuicEnd {
  const peers = native.peerError();
  const error = peers ?? native.localError();
  return {
    remote: peers !== null,
    timedOut: native.isTimedOut(),
    application: error?.isApp ?? false,
    code: error?.errorCode ?? 0,
    reason: error === null ? '' : printable(Buffer.from(error.reason).toString()),
  };
}
