/**
 * The upstream seam: whatever a service can be served by.
 *
 * `open` MUST return at once (nobody waits a round trip: bytes may follow immediately) and MUST NOT
 * deliver a byte before the other end has accepted the stream. A refusal arrives as
 * `receiver.reset(error)` with the error the other end named.
 */
import type { SallyportError } from '../errors.ts';
import type { Stream, StreamReceiver } from '../session/session.ts';

/** What a consumer wants of a service. */
export interface StreamRequest {
  readonly service: string;
  readonly kind: 'http' | 'tcp';
  /** An HTTP request that asks for another protocol behind it. */
  readonly upgrade?: true;
  /** `host:port` chosen by the consumer, subject to the service's allow-list. Absent: the service's own target. */
  readonly target?: string;
  /** A key the consumer presents to the service's own authorisation. */
  readonly key?: string;
  /** Address of the consumer, `ip:port` (`[ip6]:port`). */
  readonly consumer: string;
  /** Public `ip:port` the consumer connected to, where there is one. */
  readonly local?: string;
  /** Names this stream in every log along the road. */
  readonly id: string;
}

/** Who receives from an upstream. */
export interface UpstreamReceiver extends StreamReceiver {
  /** The other end has taken the stream; bytes may follow. Not called when it refuses. */
  accepted?(): void;
  /** The upstream serves the service no more: what runs may finish, what only rests is to end. */
  leaving?(): void;
}

export interface Upstream {
  /** Names the upstream in logs. */
  readonly id: string;
  /** Streams open now: what least-streams balancing compares. */
  readonly streams: number;
  /** Opens a stream. Throws a SallyportError when this upstream can take none. */
  open(request: StreamRequest, receiver: UpstreamReceiver): Stream;
  /**
   * Ends the session of the client that it is, which is told the error as far as its protocol goes.
   * Absent: it is no client, or one that is ended in another way.
   */
  close?(error: SallyportError): void;
}
