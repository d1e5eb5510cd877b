/** How often one request is sent, and to whom: what the ingress promises about trying again. */
import type { ErrorCode } from '../../errors.ts';
import { HTTP_OFFERS_MAX } from '../../limits.ts';
import type { Upstream } from '../../registry/upstream.ts';
import type { Exchange } from './exchange.ts';

/** With these an upstream refuses a stream before it has passed anything on. */
const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TARGET_REFUSED',
  'TARGET_UNREACHABLE',
  'TARGET_TIMEOUT',
  'TARGET_TLS',
  'SERVICE_UNKNOWN',
  'SERVICE_ABSENT',
  'SERVER_BUSY',
  'SERVER_DRAINING',
  'TOO_MANY_STREAMS',
]);

/** With these it was ended by the server itself, which would not let the same request pass again. */
const verdicts: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'AUTH_FAILED',
  'CONSUMER_AUTH',
  'DENIED',
  'KICKED',
]);

const nobody: readonly Upstream[] = [];

export class Attempts {
  /** Upstreams that have had their chance. */
  tried: readonly Upstream[] = nobody;
  #offers = 0;
  #repeated = false;
  /** The stream of the present attempt served another request before. */
  #reused = false;

  /** A new request, on a stream that may have served another one before. */
  begin(reused: boolean): void {
    this.tried = nobody;
    this.#offers = 1;
    this.#repeated = false;
    this.#reused = reused;
  }

  /**
   * The present attempt failed before a byte of its response: whether to try again, on an upstream
   * that is not in `tried`. `accepted` tells whether the upstream had taken the stream.
   */
  again(
    exchange: Exchange,
    upstream: Upstream | null,
    accepted: boolean,
    code: ErrorCode,
  ): boolean {
    if (exchange.bodySent || verdicts.has(code)) return false;
    const refused = !accepted && refusals.has(code);
    if (refused ? this.#offers >= HTTP_OFFERS_MAX : !exchange.repeatable || this.#repeated) {
      return false;
    }
    this.#offers++;
    // A kept stream that closes while a request is on its way says nothing against its upstream.
    if (this.#reused) this.#reused = false;
    else {
      this.#repeated ||= !refused;
      if (upstream !== null) this.tried = [...this.tried, upstream];
    }
    return true;
  }
}
