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
 * Resolves when both directions have ended in order; rejects with the refusal, or with what broke
 * the stream off. The duplex is closed in either case.
 */
export function connectDuplex(consumer: Consumer, wish: Wish, duplex: Duplex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const wire = Wire.fromEvents(duplex, slabs, unread);
  const splice = new Splice(wire, {
    spliced: (_splice, error) => (error === null ? resolve() : reject(asStreamError(error))),
  });
  splice.join(consumer.open(wish, splice));
  wire.reader = splice;
  return promise;
}

const unread: WireReader = { read: () => true, ended() {}, closed() {} };

function asStreamError(error: Error): SallyportError {
  if (error instanceof SallyportError) return error;
  return new SallyportError('STREAM_RESET', `stream: ${error.message}`, { cause: error });
}
