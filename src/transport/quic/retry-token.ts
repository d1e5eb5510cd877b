/**
 * Tokens of Retry packets (RFC 9000, section 8.1.2): whoever sends one back has got it, so it stands
 * at the address it claims. They are good for one address and for some seconds; nothing is kept.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { QUIC_RETRY_TOKEN_MS } from '../../limits.ts';
import type { NativeAddress } from './binding.ts';

const MAC_BYTES = 32;
const TIME_BYTES = 8;

export interface RetryTokens {
  /** For the client at `peer`, whose Initial went to the connection id `original`. */
  make(peer: NativeAddress, original: Buffer): Buffer;
  /** The original connection id; null when the token is not ours, another's, or too old. */
  check(peer: NativeAddress, token: Buffer): Buffer | null;
}

/** `now`: a clock in milliseconds that does not jump. */
export function createRetryTokens(now: () => number = () => performance.now()): RetryTokens {
  const key = randomBytes(32);
  const mac = (peer: NativeAddress, body: Buffer): Buffer =>
    createHmac('sha256', key).update(`${peer.host} ${peer.port} `).update(body).digest();
  return {
    make(peer, original) {
      const time = Buffer.alloc(TIME_BYTES);
      time.writeDoubleBE(now());
      const body = Buffer.concat([time, original]);
      return Buffer.concat([mac(peer, body), body]);
    },
    check(peer, token) {
      if (token.length < MAC_BYTES + TIME_BYTES) return null;
      const body = token.subarray(MAC_BYTES);
      if (!timingSafeEqual(mac(peer, body), token.subarray(0, MAC_BYTES))) return null;
      const age = now() - body.readDoubleBE();
      return age > QUIC_RETRY_TOKEN_MS ? null : Buffer.from(body.subarray(TIME_BYTES));
    },
  };
}
