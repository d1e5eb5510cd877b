/**
 * Stateless resets (RFC 9000, section 10.3): what a server says to a client whose connection it does not
 * know, because the process before it had it. The client's end is over at once then; without a word it
 * would wait until it has heard nothing for long enough.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { QUIC_RESETS_PER_SECOND } from '../../limits.ts';

const TOKEN_BYTES = 16;
/** With the 5 bytes in front that may not be guessed. Shorter ones are no resets to anybody. */
const RESET_MIN_BYTES = 21;
/** As long as a small packet of a connection: nobody between can tell the two apart. */
const RESET_BYTES = 43;

export interface StatelessResets {
  /** What the client of the connection with this id of ours is told, and will know the reset by. */
  token(id: Buffer): bigint;
  /** The answer to a datagram for such an id; null: none. Shorter than what it answers, so that it cannot go on. */
  answer(datagram: Buffer, id: Buffer): Buffer | null;
}

/** `key`: whoever has it can end every connection. `now`: a clock in milliseconds that does not jump. */
export function createStatelessResets(
  key: Buffer,
  now: () => number = () => performance.now(),
): StatelessResets {
  let second = 0;
  let answered = 0;
  const tokenOf = (id: Buffer): Buffer =>
    createHmac('sha256', key).update(id).digest().subarray(0, TOKEN_BYTES);
  return {
    token: (id) => BigInt(`0x${tokenOf(id).toString('hex')}`),
    answer(datagram, id) {
      const length = Math.min(RESET_BYTES, datagram.length - 1);
      const current = Math.floor(now() / 1_000);
      if (current !== second) answered = 0;
      second = current;
      if (length < RESET_MIN_BYTES || ++answered > QUIC_RESETS_PER_SECOND) return null;
      const reset = randomBytes(length);
      // A short header: RFC 9000, section 17.3.
      reset[0] = 0x40 | (reset[0] & 0x3f);
      tokenOf(id).copy(reset, length - TOKEN_BYTES);
      return reset;
    },
  };
}
