/** One stream between a duplex (as a rule standard input and output) and a service. */
import type { Duplex } from 'node:stream';
import { SallyportError } from '../errors.ts';
import { LOCAL_SLAB_BYTES } from '../limits.ts';
import { SlabPool } from '../net/slab.ts';
import { Wire, type WireReader } from '../net/wire.ts';
import { Splice } from '../session/splice.ts';
import type { Consumer, Wish } from './consumer.ts';

const slabs = new SlabPool(LOCAL_SLAB_BYTES);

/**
 * Joins the duplex to a service. Half-closes pass both ways, and a side that does not read stops the
 * other side's writing. Resolves when both directions have ended in order; rejects with the refusal,
 * with SERVER_UNREACHABLE while the consumer is not attached, or with what broke the stream off. The
 * duplex is closed in every case, the consumer in none.
 */
export function connectDuplex(consumer: Consumer, wish: Wish, duplex: Duplex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const wire = Wire.fromEvents(duplex, slabs, unread);
  const splice = new Splice(wire, {
    spliced: (_splice, error) => (error === null ? resolve() : reject(asStreamError(error))),
  });
  try {
    splice.join(consumer.open(wish, splice));
    wire.reader = splice;
  } catch (thrown) {
    wire.destroy();
    reject(asStreamError(thrown as Error));
  }
  return promise;
}

const unread: WireReader = { read: () => true, ended() {}, closed() {} };

function asStreamError(error: Error): SallyportError {
  if (error instanceof SallyportError) return error;
  return new SallyportError('STREAM_RESET', `stream: ${error.message}`, { cause: error });
}
