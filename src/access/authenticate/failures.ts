/**
 * Who presented wrong credentials lately, by address. Each failure takes a while to be forgiven; an
 * address with too many of them is not heard until some are, so guessing gets slow and costs nothing.
 * That holds for right credentials too: otherwise the answer would tell a right guess.
 */
import {
  AUTH_FAILURE_FORGIVEN_MS,
  AUTH_FAILURE_PEERS_MAX,
  AUTH_FAILURES_FREE,
} from '../../limits.ts';
import { networkOf } from './peer-host.ts';

export interface AuthFailures {
  /** Milliseconds until this `ip:port` is heard again; 0: it is heard now. */
  wait(peer: string): number;
  /** One more. Answers whether the address is not heard from now on. */
  add(peer: string): boolean;
}

export interface AuthFailuresOptions {
  readonly free?: number;
  readonly peers?: number;
  /** Milliseconds on a clock that does not jump. */
  readonly now?: () => number;
}

export function createAuthFailures(options: AuthFailuresOptions = {}): AuthFailures {
  const { free = AUTH_FAILURES_FREE, peers = AUTH_FAILURE_PEERS_MAX } = options;
  const { now = () => performance.now() } = options;
  /** By address, when all of its failures will be forgiven; the one longest quiet first. */
  const forgiven = new Map<string, number>();
  const allowance = free * AUTH_FAILURE_FORGIVEN_MS;

  return {
    wait(peer) {
      const until = forgiven.get(networkOf(peer));
      return until === undefined
        ? 0
        : Math.max(0, until - now() - allowance + AUTH_FAILURE_FORGIVEN_MS);
    },

    add(peer) {
      const network = networkOf(peer);
      const before = Math.max(now(), forgiven.get(network) ?? 0);
      // What many presented at the same moment is not held against them for hours.
      const until = Math.min(before + AUTH_FAILURE_FORGIVEN_MS, now() + 2 * allowance);
      forgiven.delete(network);
      forgiven.set(network, until);
      if (forgiven.size > peers) forgiven.delete(forgiven.keys().next().value!);
      return until - now() > allowance - AUTH_FAILURE_FORGIVEN_MS;
    },
  };
}
