/**
 * A callbackreverse as an upstream. Each stream is one of its session, without a head: it dials its
 * one target for whatever is opened. Its library takes streams one after the other and refuses those
 * above its backlog, so no more than that are opened before they are taken; the others wait here.
 */
import { asSallyportError, SallyportError } from '../../errors.ts';
import {
  CALLBACK_UNTAKEN_MAX,
  CALLBACK_WAITING_MAX,
  STREAM_ANSWER_TIMEOUT_MS,
} from '../../limits.ts';
import type { Slab } from '../../net/slab.ts';
import { PendingStream } from '../../registry/pending-stream.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from '../../registry/upstream.ts';
import type { Session, Stream, StreamReceiver } from '../../session/session.ts';

export class CallbackUpstream implements Upstream {
  readonly id: string;
  #session: Session;
  #untaken = 0;
  #waiting: PendingStream[] = [];

  constructor(id: string, session: Session) {
    this.id = id;
    this.#session = session;
  }

  get streams(): number {
    return this.#session.streams + this.#waiting.length;
  }

  close(error: SallyportError): void {
    this.#session.close(error);
  }

  open(request: StreamRequest, receiver: UpstreamReceiver): Stream {
    if (request.target !== undefined) {
      const why = 'a callbackreverse dials the target of its own --connect only';
      throw new SallyportError('TARGET_DENIED', `service ${request.service}: ${why}`);
    }
    if (this.#untaken < CALLBACK_UNTAKEN_MAX) return this.#open(receiver);
    if (this.#waiting.length >= CALLBACK_WAITING_MAX) {
      const why = `${CALLBACK_WAITING_MAX} streams wait for its callbackreverse to take them`;
      throw new SallyportError('SERVER_BUSY', `service ${request.service}: ${why}`);
    }
    const stream = new PendingStream(receiver);
    this.#waiting.push(stream);
    return stream;
  }

  #open(receiver: UpstreamReceiver): Stream {
    const untaken = new Untaken(receiver, () => this.#settled());
    const stream = this.#session.open(untaken);
    this.#untaken++;
    untaken.guard(stream);
    return stream;
  }

  /** One was taken, or is no more: there is room for the next. */
  #settled(): void {
    this.#untaken--;
    while (this.#untaken < CALLBACK_UNTAKEN_MAX) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next.over) continue;
      try {
        next.join((receiver) => this.#open(receiver));
      } catch (thrown) {
        next.refuse(asSallyportError(thrown));
      }
    }
  }
}

/**
 * Stands before the receiver until the stream is taken: acknowledged, or answered with bytes or its
 * end, since a stream that was ended early is never acknowledged.
 */
class Untaken implements StreamReceiver {
  #stream: Stream | null = null;
  #receiver: UpstreamReceiver;
  #settled: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(receiver: UpstreamReceiver, settled: () => void) {
    this.#receiver = receiver;
    this.#settled = settled;
  }

  guard(stream: Stream): void {
    this.#stream = stream;
    this.#timer = setTimeout(late, STREAM_ANSWER_TIMEOUT_MS, this).unref();
  }

  /** The backlog of the peer has lost it by now, or the peer has stopped taking any. */
  late(): void {
    const stream = this.#stream!;
    this.#settle();
    // Its opener may have reset it, which tells nobody here.
    if (stream.over) return;
    const error = new SallyportError(
      'RESPONSE_TIMEOUT',
      `stream: not taken by its callbackreverse within ${STREAM_ANSWER_TIMEOUT_MS} ms`,
    );
    stream.reset(error);
    this.#receiver.reset(error);
  }

  #settle(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#settled();
  }

  /** The one who receives from now on; null when it wants no more. */
  #taken(): StreamReceiver | null {
    const stream = this.#stream!;
    if (stream.receiver === this) stream.receiver = this.#receiver;
    this.#receiver.accepted?.();
    this.#settle();
    return stream.over ? null : stream.receiver;
  }

  acknowledged(): void {
    this.#taken();
  }

  data(slab: Slab, start: number, end: number): void {
    this.#taken()?.data(slab, start, end);
  }

  finished(): void {
    // The stream may be over by now: this is the last that is heard of it.
    const stream = this.#stream!;
    this.#taken();
    stream.receiver.finished();
  }

  reset(error: SallyportError): void {
    this.#settle();
    this.#receiver.reset(error);
  }

  drained(): void {
    this.#receiver.drained();
  }
}

/** Shared: a closure for each stream would cost more than the timer. */
function late(untaken: Untaken): void {
  untaken.late();
}
