/**
 * What a peer may say on its QPACK streams when neither end has a dynamic table; RFC 9204, section 4.
 * That is next to nothing, and has no effect: it is read to notice a peer that thinks otherwise.
 */
import { connectionFault } from '../fault.ts';

/** Reads the bytes of such a stream; throws a connection fault. */
export interface Instructions {
  read(bytes: Uint8Array): void;
}

/** Section 4.3: only a capacity of zero may be set. */
export const encoderInstructions: Instructions = {
  read(bytes) {
    for (const byte of bytes)
      if (byte !== 0x20)
        throw connectionFault(
          'QPACK_ENCODER_STREAM_ERROR',
          'the peer uses a dynamic table that this end has not allowed',
        );
  },
};

/** Section 4.4: only cancellations of streams, whose ids are integers behind two bits. */
export function createDecoderInstructions(): Instructions {
  const full = 0x3f;
  const CONTINUATIONS_MAX = 9;
  /** Bytes that may still continue the integer; 0: an instruction begins. */
  let left = 0;
  const fail = (why: string): never => {
    throw connectionFault('QPACK_DECODER_STREAM_ERROR', why);
  };
  return {
    read(bytes) {
      for (const byte of bytes) {
        if (left > 0) {
          left = byte < 0x80 ? 0 : left - 1;
          if (byte >= 0x80 && left === 0) fail('a stream id is longer than 62 bits');
        } else {
          if (byte >> 6 !== 1) fail('the peer acknowledges what was never sent');
          left = (byte & full) === full ? CONTINUATIONS_MAX : 0;
        }
      }
    },
  };
}
