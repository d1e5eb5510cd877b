/** One stream on its way through the gate, and then for as long as it lives. */
import type { Identity } from '../access/identity.ts';
import type { Quotas, StreamLease } from '../access/quotas.ts';
import { SallyportError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import { PacedStream } from '../session/paced-stream.ts';
import type { Stream, StreamEnd } from '../session/session.ts';
import type { LiveStream, LiveStreams } from './live-streams.ts';
import type { ServiceRegistry } from './services.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from './upstream.ts';
import type { WaitingRoom } from './waiting-room.ts';

export interface PassingOptions {
  readonly quotas?: Pick<Quotas, 'stream'>;
  readonly live: LiveStreams;
  readonly events: EventLog;
}

export class Passing implements LiveStream {
  readonly request: StreamRequest;
  readonly openedAt = Date.now();
  identity: Identity | null = null;
  known = true;
  upstream: Upstream | null = null;
  stream!: Stream;
  earlier: LiveStream | null = null;
  later: LiveStream | null = null;
  #tried: readonly Upstream[];
  #receiver: UpstreamReceiver | null = null;
  #left = false;
  #options: PassingOptions;
  #waitsUntil: number | undefined;
  /** What it takes of its quotas. */
  #lease: StreamLease | null = null;
  /** Gives its place in the waiting room back. */
  #leave: (() => void) | null = null;

  constructor(request: StreamRequest, tried: readonly Upstream[], options: PassingOptions) {
    this.request = request;
    this.#tried = tried;
    this.#options = options;
  }

  /** Opens the stream of an upstream. Throws LIMIT_REACHED, and what `registry.open` throws. */
  through(registry: Pick<ServiceRegistry, 'open'>, receiver: UpstreamReceiver): Stream {
    const lease = this.#options.quotas?.stream(this.identity, this.request.service) ?? null;
    const paced = lease?.paced ? new PacedStream(receiver, lease) : null;
    try {
      const { request } = this;
      const opened = registry.open(request, paced?.incoming ?? receiver, this.#tried);
      this.upstream = opened.upstream;
      this.#receiver = receiver;
      this.#lease = lease;
      const { id, service, kind, consumer, target = null } = request;
      this.#options.events.record({
        seq: 0,
        time: 0,
        type: 'stream.opened',
        stream: id,
        service,
        kind,
        consumer,
        identity: this.identity?.name ?? null,
        target,
      });
      return paced?.join(opened.stream) ?? opened.stream;
    } catch (thrown) {
      lease?.release();
      throw thrown;
    }
  }

  get keepable(): boolean {
    return !this.#left && this.#lease?.counted !== true;
  }

  upstreamLeft(): void {
    this.#left = true;
    this.#receiver?.leaving?.();
  }

  /** What it waits for after that failed; null when it was another failure, or its service's streams do not wait. */
  await(room: WaitingRoom, thrown: unknown): Promise<void> | null {
    if (!(thrown instanceof SallyportError) || thrown.code !== 'SERVICE_ABSENT') return null;
    const place = room.enter(this.request.service, this.#waitsUntil);
    if (place === null) return null;
    this.#waitsUntil = place.until;
    this.#leave = place.leave;
    return place.arrived;
  }

  /** The stream that its opener gets: listed until it is over. */
  list(stream: Stream): void {
    this.stream = stream;
    this.#options.live.add(this);
    stream.onOver = (end) => this.#over(end);
  }

  /** Answers the error, which is an event now; the place in the waiting room is free. */
  refused(error: SallyportError): SallyportError {
    this.#leave?.();
    const { code, message } = error;
    const { id, service, kind, consumer, target = null } = this.request;
    const identity = this.identity?.name ?? null;
    const asked = { stream: id, service, kind, consumer, identity, target };
    this.#options.events.publish('stream.refused', { ...asked, code, reason: message });
    return error;
  }

  #over(end: StreamEnd): void {
    const { live, events } = this.#options;
    live.delete(this);
    this.#lease?.release();
    this.#leave?.();
    if (this.upstream === null) return;
    const { id, service, kind, consumer, target = null } = this.request;
    events.record({
      seq: 0,
      time: 0,
      type: 'stream.closed',
      stream: id,
      service,
      kind,
      consumer,
      identity: this.identity?.name ?? null,
      target,
      bytesUp: this.stream.bytesSent,
      bytesDown: this.stream.bytesReceived,
      ms: Date.now() - this.openedAt,
      outcome: typeof end === 'string' ? end : end.code,
    });
  }
}
