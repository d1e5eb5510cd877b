/** A stream of the server at the callbackreverse: joined to a new connection to its target. */
import { connectTarget, targetError, targetTimeout } from '../../agent/target-dial.ts';
import { SallyportError } from '../../errors.ts';
import { LOCAL_SLAB_BYTES, TARGET_DIAL_TIMEOUT_MS } from '../../limits.ts';
import { SlabPool } from '../../net/slab.ts';
import { formatTarget, type Target } from '../../net/target.ts';
import { Wire, type WireReader } from '../../net/wire.ts';
import type { AccessLog, Outcome } from '../../observe/access-log.ts';
import { Splice, type SpliceEnd } from '../../session/splice.ts';
import type { Stream, StreamReceiver } from '../../session/session.ts';

const targetSlabs = new SlabPool(LOCAL_SLAB_BYTES);

export interface TargetContext {
  /** The service: the id that is registered. */
  readonly id: string;
  readonly target: Target;
  readonly accessLog: AccessLog;
}

/**
 * Dials, and returns who receives from the stream. What comes before the connection stands waits in
 * its socket; a target that cannot be reached resets the stream.
 */
export function joinTarget(stream: Stream, context: TargetContext): StreamReceiver {
  return new TargetStream(stream, context).splice;
}

class TargetStream implements WireReader, SpliceEnd {
  readonly splice: Splice;
  #stream: Stream;
  #context: TargetContext;
  #timer: NodeJS.Timeout;
  #startedAt = performance.now();

  constructor(stream: Stream, context: TargetContext) {
    this.#stream = stream;
    this.#context = context;
    const { target } = context;
    const wire = Wire.dial((onread) => connectTarget(target, false, onread), targetSlabs, this);
    this.splice = new Splice(wire, this).join(stream);
    this.#timer = setTimeout(() => wire.destroy(targetTimeout(target)), TARGET_DIAL_TIMEOUT_MS);
    wire.socket.once('connect', () => {
      clearTimeout(this.#timer);
      wire.reader = this.splice;
    });
  }

  // ---- The socket, until it is connected ----

  read(): boolean {
    return true;
  }

  ended(): void {}

  closed(error: Error | null): void {
    clearTimeout(this.#timer);
    const { target } = this.#context;
    // The stream may be what ended first.
    const broken = this.splice.error !== null;
    const named = error instanceof SallyportError ? error : targetError(target, error);
    this.#stream.reset(named);
    this.#log(broken ? 'closed' : named.code, broken ? undefined : named.message);
  }

  // ---- The end ----

  spliced(_splice: Splice, error: Error | null): void {
    const code = error instanceof SallyportError ? error.code : 'TARGET_CLOSED';
    this.#log(error === null ? 'ok' : code);
  }

  #log(outcome: Outcome, error?: string): void {
    const { id, target, accessLog } = this.#context;
    accessLog.stream({
      id: String(this.#stream.id),
      service: id,
      consumer: '-',
      target: formatTarget(target),
      bytesUp: this.splice.bytesIn,
      bytesDown: this.splice.bytesOut,
      ms: Math.round(performance.now() - this.#startedAt),
      outcome,
      ...(error === undefined ? {} : { error }),
    });
  }
}
