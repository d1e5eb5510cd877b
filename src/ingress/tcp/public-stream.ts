/** A public connection joined to a stream of a service: one object for as long as both last. */
import { asSallyportError, SallyportError } from '../../errors.ts';
import type { ProxyEndpoints } from '../../net/proxy-protocol-decode.ts';
import type { Wire } from '../../net/wire.ts';
import type { AccessLog, Outcome } from '../../observe/access-log.ts';
import type { Gate } from '../../registry/gate.ts';
import type { StreamRequest } from '../../registry/upstream.ts';
import { Splice, type SpliceEnd } from '../../session/splice.ts';

/** How public connections get to services, and who writes down that they did. */
export interface StreamDoor {
  readonly gate: Gate;
  readonly accessLog: AccessLog;
  /** A fresh id for a stream. */
  newId(): string;
}

class PublicStream implements SpliceEnd {
  #door: StreamDoor;
  #request: StreamRequest;
  #startedAt = performance.now();

  constructor(door: StreamDoor, request: StreamRequest) {
    this.#door = door;
    this.#request = request;
  }

  spliced(splice: Splice, error: Error | null): void {
    const { id, service, consumer } = this.#request;
    this.#door.accessLog.stream({
      id,
      service,
      consumer,
      bytesUp: splice.bytesOut,
      bytesDown: splice.bytesIn,
      ms: Math.round(performance.now() - this.#startedAt),
      outcome: outcomeOf(error),
    });
  }
}

/** An error of the socket's is a consumer that left. */
function outcomeOf(error: Error | null): Outcome {
  if (error === null) return 'ok';
  return error instanceof SallyportError ? error.code : 'closed';
}

/**
 * Opens a stream for the connection and joins the two; both ends close together and one access line
 * tells of them. Answers who reads from the wire now, or null when the stream was refused: the
 * connection has been broken off then.
 */
export function openPublicStream(
  wire: Wire,
  service: string,
  endpoints: ProxyEndpoints,
  door: StreamDoor,
): Splice | null {
  const { source: consumer, destination: local } = endpoints;
  const request: StreamRequest = { service, kind: 'tcp', consumer, id: door.newId(), local };
  const splice = new Splice(wire, new PublicStream(door, request));
  wire.reader = splice;
  try {
    return splice.join(door.gate.open(request, splice).stream);
  } catch (thrown) {
    splice.reset(asSallyportError(thrown));
    return null;
  }
}

/** The access line of a connection that never came to a stream. `service` is null where it named none. */
export function logRefusal(door: StreamDoor, service: string | null, refusal: Refusal): void {
  const { consumer, ms, error } = refusal;
  door.accessLog.stream({
    id: door.newId(),
    service: service ?? '-',
    consumer,
    bytesUp: 0,
    bytesDown: 0,
    ms,
    outcome: error.code,
  });
}

export interface Refusal {
  /** `ip:port`. */
  readonly consumer: string;
  /** From the accepted connection to its end. */
  readonly ms: number;
  readonly error: SallyportError;
}
