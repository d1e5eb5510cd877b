import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SallyportError } from '../../errors.ts';
import { SlabPool } from '../../net/slab.ts';
import type { QuicConnection } from '../../transport/quic/connection.ts';
import type { StreamReceiver } from '../session.ts';
import { CLOSING, OPENING, QuicStream } from './stream.ts';

const broken = new SallyportError('STREAM_RESET', 'stream: reset by the other end');

/** What a stream that the peer opened tells, when QUIC gives these bytes, one read each, and then its end. */
function hear(...reads: Buffer[]): string[] {
  const told: string[] = [];
  const receiver: StreamReceiver = {
    data: (slab, start, end) => void told.push(slab.bytes.toString('latin1', start, end)),
    finished: () => void told.push('finished'),
    reset: ({ code }) => void told.push(code),
    drained() {},
  };
  const connection = {
    receive(_id: number, room: Uint8Array) {
      const bytes = reads.shift();
      if (bytes === undefined) return null;
      room.set(bytes);
      return [bytes.length, reads.length === 0];
    },
    reset() {},
  } as unknown as QuicConnection;
  const home = {
    connection,
    pool: new SlabPool(32 * 1024),
    wait() {},
    stopped() {},
    counted() {},
    resumed() {},
    forget() {},
    tellReset() {},
  };
  new QuicStream(home, 4, receiver, false).readable(broken);
  return told;
}

test('an end goes with the closing byte, which is no part of what was sent', () => {
  const word = Buffer.from('word');
  assert.deepEqual(hear(Buffer.concat([OPENING, word, CLOSING])), ['word', 'finished']);
  assert.deepEqual(hear(OPENING, word, CLOSING), ['word', 'finished']);
  assert.deepEqual(hear(Buffer.concat([OPENING, CLOSING])), ['finished']);
});

test('an end without it is none: what was sent before did not come as a whole', () => {
  assert.deepEqual(hear(OPENING, Buffer.from('wo'), Buffer.from('r')), ['wo', 'STREAM_RESET']);
  assert.deepEqual(hear(OPENING, Buffer.alloc(0)), ['STREAM_RESET']);
  assert.deepEqual(hear(Buffer.alloc(0)), ['STREAM_RESET']);
});
