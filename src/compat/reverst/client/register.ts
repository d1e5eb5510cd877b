/** The registration of a client, on the first stream of its connection. */
import { SallyportError } from '../../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../../limits.ts';
import type { ByteStream, StreamSession } from '../http3/byte-stream.ts';
import { H3 } from '../http3/fault.ts';
import { AUTHORIZATION, createResponseReader, OK, packRequest } from '../registration.ts';
import { refusalInAnswer } from './refusal.ts';

/**
 * Resolves when the server has taken the client in. Rejects with what it answered in place of that,
 * PROTOCOL_MESSAGE, or HANDSHAKE_TIMEOUT. That the connection ends meanwhile is for its owner to see.
 */
export function register(
  session: StreamSession,
  group: string,
  authorization: string | null,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const reader = createResponseReader();
  let read = false;
  const stream: ByteStream = session.openBidi({
    data(bytes) {
      stream.credit(bytes.length);
      if (read) return;
      try {
        const response = reader.push(bytes);
        if (response === null) return;
        read = true;
        stream.end();
        if (response.code === OK) resolve();
        else reject(refusalInAnswer(group, response));
      } catch (thrown) {
        read = true;
        stream.reset(H3.REQUEST_CANCELLED);
        reject(thrown);
      }
    },
    // Without an answer it is refused, and the connection ends with the reason.
    finished() {},
    reset() {},
    stopped() {},
    drained() {},
  });
  const metadata = authorization === null ? [] : [[AUTHORIZATION, authorization] as const];
  stream.write(packRequest(group, new Map(metadata)));
  const late = setTimeout(() => {
    const why = `the server did not answer within ${HANDSHAKE_TIMEOUT_MS} ms`;
    reject(new SallyportError('HANDSHAKE_TIMEOUT', `reverst registration: ${why}`));
  }, HANDSHAKE_TIMEOUT_MS);
  const settled = (): void => clearTimeout(late);
  promise.then(settled, settled);
  return promise;
}
