/**
 * What a connection must begin with before it is known where it leads: a PROXY header, a ClientHello.
 * It is gathered within a bound and a deadline; then the connection goes to its next reader.
 */
import { SallyportError } from '../../errors.ts';
import { PREFACE_KEPT_BYTES, PREFACES_MAX } from '../../limits.ts';
import { breakOff } from '../../net/break-off.ts';
import { HEADROOM, Slab } from '../../net/slab.ts';
import type { Wire, WireReader } from '../../net/wire.ts';

export interface PrefaceKind<T> {
  /** Names it in errors. */
  readonly name: string;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /**
   * Reads it at the start of `bytes`; null while it is incomplete. The bytes are valid during the
   * call only. Throws a SallyportError.
   */
  parse(bytes: Buffer): T | null;
  /** Bytes of it that the next reader does not get. */
  consumed(value: T): number;
}

export interface PrefaceEvents<T> {
  /** It is complete: who reads on. Null: nobody, the connection has been refused. */
  complete(value: T): WireReader | null;
  /** It did not come, or was not what it should be: the connection has been broken off. Null: the peer left before a byte. */
  failed(error: SallyportError | null): void;
}

/** The connections of one listener that have yet to show how they begin. */
export class Prefaces {
  #waiting = new Set<Preface<never>>();

  /** The reader of the wire until `kind` has come. When too many wait, the longest waiting one gives way. */
  await<T>(wire: Wire, kind: PrefaceKind<T>, events: PrefaceEvents<T>): void {
    const oldest =
      this.#waiting.size < PREFACES_MAX ? undefined : this.#waiting.values().next().value;
    oldest?.fail(
      new SallyportError(
        'SERVER_BUSY',
        `${kind.name}: more than ${PREFACES_MAX} connections wait for theirs`,
      ),
    );
    wire.reader = new Preface(wire, kind, events, this.#waiting);
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Breaks all of them off. */
  close(): void {
    const error = new SallyportError('SERVER_DRAINING', 'connection: the server is closing');
    for (const preface of this.#waiting) preface.fail(error);
  }
}

class Preface<T> implements WireReader {
  #wire: Wire;
  #kind: PrefaceKind<T>;
  #events: PrefaceEvents<T>;
  #waiting: Set<Preface<unknown>>;
  #timer: NodeJS.Timeout;
  /** What came so far, behind free bytes as in a slab. Null until it turns out to come in pieces. */
  #kept: Buffer | null = null;
  #end = HEADROOM;

  constructor(
    wire: Wire,
    kind: PrefaceKind<T>,
    events: PrefaceEvents<T>,
    waiting: Set<Preface<unknown>>,
  ) {
    this.#wire = wire;
    this.#kind = kind;
    this.#events = events;
    this.#waiting = waiting;
    this.#timer = setTimeout(() => this.#late(), kind.timeoutMs);
    waiting.add(this);
  }

  read(slab: Slab, start: number, end: number): boolean {
    if (this.#kept === null) return this.#parse(slab, start, end);
    this.#keep(slab, start, end);
    return this.#parse(new Slab(this.#kept, null), HEADROOM, this.#end);
  }

  #parse(slab: Slab, start: number, end: number): boolean {
    const { parse, consumed, maxBytes, name } = this.#kind;
    let value: T | null;
    try {
      value = parse(slab.bytes.subarray(start, end));
      if (value === null && end - start >= maxBytes) {
        throw new SallyportError(
          'REQUEST_INVALID',
          `${name}: not complete within ${maxBytes} bytes`,
        );
      }
    } catch (error) {
      this.fail(error as SallyportError);
      return false;
    }
    if (value === null) {
      if (this.#kept === null) this.#keep(slab, start, end);
      return true;
    }
    return this.#handOver(value, slab, start + consumed(value), end);
  }

  #handOver(value: T, slab: Slab, start: number, end: number): boolean {
    this.#settle();
    const next = this.#events.complete(value);
    if (next === null) return false;
    this.#wire.reader = next;
    return start === end || next.read(slab, start, end);
  }

  /** Copies what came into a buffer of its own; it never holds more than `maxBytes` and one read. */
  #keep(slab: Slab, start: number, end: number): void {
    const needed = this.#end + end - start;
    let kept = this.#kept;
    if (kept === null || kept.length < needed) {
      const size = Math.max(
        needed,
        kept === null ? HEADROOM + PREFACE_KEPT_BYTES : 2 * kept.length,
      );
      const grown = Buffer.allocUnsafeSlow(size);
      kept?.copy(grown, HEADROOM, HEADROOM, this.#end);
      this.#kept = kept = grown;
    }
    slab.bytes.copy(kept, this.#end, start, end);
    this.#end = needed;
  }

  #late(): void {
    const { name, timeoutMs } = this.#kind;
    this.fail(
      new SallyportError('REQUEST_TIMEOUT', `${name}: not complete within ${timeoutMs} ms`),
    );
  }

  ended(): void {
    this.#left('ended');
  }

  closed(): void {
    this.#left('closed');
  }

  #left(how: string): void {
    const nothing = this.#kept === null;
    this.fail(
      nothing
        ? null
        : new SallyportError(
            'REQUEST_INVALID',
            `${this.#kind.name}: the connection ${how} within it`,
          ),
    );
  }

  fail(error: SallyportError | null): void {
    if (!this.#settle()) return;
    breakOff(this.#wire.socket);
    this.#events.failed(error);
  }

  /** False when it was settled before. */
  #settle(): boolean {
    clearTimeout(this.#timer);
    return this.#waiting.delete(this);
  }
}
