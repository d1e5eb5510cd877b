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
    reason: error === null ? unsaid(native) : printable(Buffer.from(error.reason).toString()),
  };
}

/** Over without a close of either end and without silence: a stateless reset. */
function unsaid(native: NativeConnection): string {
  return native.isClosed() && !native.isTimedOut()
    ? 'the other end does not know it any more, as after a restart'
    : '';
}
