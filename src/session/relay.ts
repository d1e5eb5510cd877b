/** Joins two streams of two sessions: a consumer's and an agent's. Back-pressure passes through as credit. */
import type { SallyportError } from '../errors.ts';
import type { Slab } from '../net/slab.ts';
import type { Stream, StreamReceiver } from './session.ts';

export interface RelayEvents {
  /** The agent took the stream. */
  accepted(): void;
  /** The agent's end broke before it took the stream: the consumer's stream is still open, for the answer. */
  refused(error: SallyportError): void;
  /** Both streams are done with. Called once, last; `error` is null when both directions ended in order. */
  over(relay: Relay, error: SallyportError | null): void;
}

export class Relay {
  /** Receives from the consumer's stream; from the agent's. */
  readonly up: Direction;
  readonly down: Direction;
  #events: RelayEvents;
  #accepted = false;
  #ended = false;

  constructor(consumer: Stream, events: RelayEvents) {
    this.#events = events;
    this.up = new Direction(this, consumer);
    this.down = new Direction(this, null);
  }

  /** Completes the pair: the agent's stream, whose receiver is `down`. */
  join(agent: Stream): void {
    const consumer = this.up.from!;
    this.down.from = agent;
    this.up.to = agent;
    this.down.to = consumer;
  }

  accepted(): void {
    this.#accepted = true;
    this.#events.accepted();
  }

  /** A direction has ended in order. */
  half(): void {
    if (this.up.done && this.down.done) this.over(null, null);
  }

  /** Ends both streams; `broken` is the one that is gone already. */
  over(error: SallyportError | null, broken: Stream | null): void {
    if (this.#ended) return;
    this.#ended = true;
    if (error !== null) this.#break(error, broken);
    this.#events.over(this, error);
  }

  #break(error: SallyportError, broken: Stream | null): void {
    const consumer = this.up.from!;
    const agent = this.down.from;
    if (broken === consumer) agent?.reset();
    else if (this.#accepted) consumer.reset();
    else this.#events.refused(error);
  }
}

/** Bytes one way, from one stream into the other. */
export class Direction implements StreamReceiver {
  bytes = 0;
  done = false;
  from: Stream | null;
  to: Stream | null = null;
  #relay: Relay;
  #owed = 0;

  constructor(relay: Relay, from: Stream | null) {
    this.#relay = relay;
    this.from = from;
  }

  data(slab: Slab, start: number, end: number): void {
    const n = end - start;
    this.bytes += n;
    this.to!.write(slab, start, end);
    if (this.to!.writable) this.from!.credit(n);
    else this.#owed += n;
  }

  /** `from` can take bytes again: what the other direction holds back may flow on. */
  drained(): void {
    const other = this === this.#relay.up ? this.#relay.down : this.#relay.up;
    other.payBack();
  }

  payBack(): void {
    const n = this.#owed;
    this.#owed = 0;
    if (n > 0) this.from!.credit(n);
  }

  accepted(): void {
    this.#relay.accepted();
  }

  finished(): void {
    this.done = true;
    this.to!.end();
    this.#relay.half();
  }

  reset(error: SallyportError): void {
    this.#relay.over(error, this.from);
  }
}
