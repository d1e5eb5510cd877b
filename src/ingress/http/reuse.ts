/** Whether a stream that was kept may carry another request of its client connection. */
import type { Identity } from '../../access/identity.ts';
import { HTTP_UNSAFE_REUSE_MS } from '../../limits.ts';
import type { Caller, PassedStream } from '../../registry/gate.ts';
import type { Exchange } from './exchange.ts';

/**
 * It must be of the same service, and opened for the same caller: the gate has judged that one only.
 * One that was quiet for long may be closing just now: nothing that must not run twice goes there.
 */
export function mayReuse(
  kept: PassedStream,
  service: string,
  exchange: Exchange,
  quietMs: number,
): boolean {
  if (service !== exchange.service || !isCaller(kept.identity, exchange.caller)) return false;
  return exchange.repeatable || quietMs < HTTP_UNSAFE_REUSE_MS;
}

/** Of a caller who is being found out nothing is known. */
function isCaller(known: Identity | null, caller: Caller): boolean {
  if (known === caller) return true;
  if (known === null || caller === null || caller instanceof Promise) return false;
  return known.fingerprint === caller.fingerprint;
}
