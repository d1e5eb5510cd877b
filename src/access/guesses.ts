/**
 * Who guesses waits: an address that has shown a few wrong credentials is not listened to for a
 * while, longer with each further one. While it waits nothing is checked, so that asking on tells
 * nothing and costs next to nothing.
 */
import net from 'node:net';
import { SallyportError } from '../errors.ts';
import { GUESSERS_MAX, GUESSES_FREE, GUESS_WAIT_MAX_MS, GUESS_WAIT_MIN_MS } from '../limits.ts';

export interface Guesses {
  /** Throws TOO_MANY_GUESSES while the address has to wait. */
  check(address: string): void;
  /** The address has shown wrong credentials. */
  wrong(address: string): void;
  /** It has shown right ones: all before is forgotten. */
  right(address: string): void;
}

interface Guesser {
  count: number;
  waitsUntil: number;
}

/** `now`: milliseconds on a clock that never goes back. */
export function createGuesses(now: () => number = () => performance.now()): Guesses {
  const guessers = new Map<string, Guesser>();
  return {
    check(address) {
      const left = (guessers.get(networkOf(address))?.waitsUntil ?? 0) - now();
      if (left <= 0) return;
      const seconds = Math.ceil(left / 1_000);
      throw new SallyportError(
        'TOO_MANY_GUESSES',
        `credentials: too many wrong ones came from ${address}; it has to wait for ${seconds} s`,
      );
    },

    wrong(address) {
      const network = networkOf(address);
      const before = guessers.get(network);
      // Long after its wait an address begins anew.
      const stale = before !== undefined && now() > before.waitsUntil + 2 * GUESS_WAIT_MAX_MS;
      const count = (stale ? 0 : (before?.count ?? 0)) + 1;
      const extra = count - GUESSES_FREE;
      const wait = extra < 0 ? 0 : Math.min(GUESS_WAIT_MIN_MS * 2 ** extra, GUESS_WAIT_MAX_MS);
      guessers.delete(network);
      guessers.set(network, { count, waitsUntil: now() + wait });
      if (guessers.size <= GUESSERS_MAX) return;
      for (const oldest of guessers.keys()) {
        guessers.delete(oldest);
        return;
      }
    },

    right: (address) => void guessers.delete(networkOf(address)),
  };
}

/** One customer has a whole IPv6 /64, RFC 6177: each address of it is the same guesser. */
function networkOf(address: string): string {
  if (!net.isIPv6(address)) return address;
  const [head, tail = ''] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  if (!address.includes('::')) return groups.slice(0, 4).join(':');
  const rest = tail.split(':').filter((group) => group !== '');
  const zeros = Math.max(0, 8 - groups.length - rest.length);
  return [...groups, ...Array.from({ length: zeros }, () => '0'), ...rest].slice(0, 4).join(':');
}
