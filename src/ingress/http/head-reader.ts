/** Reads heads off a connection, in place where a head came in one piece. */
import { INCOMPLETE } from '../../http1/field-section.ts';
import { HTTP_HEAD_MAX_BYTES } from '../../limits.ts';
import type { Slab } from '../../net/slab.ts';

/** A parser for one head at a time: `RequestHead` or `ResponseHead`. */
interface Head {
  reset(): void;
  parse(bytes: Buffer, start: number, end: number): number;
}

/**
 * Parsers for all connections. Each is busy from the first byte of a head to its forwarding, which
 * mostly happens in one go: a few serve everybody.
 */
export class HeadPool<H extends Head> {
  #free: H[] = [];
  #make: () => H;

  constructor(make: () => H) {
    this.#make = make;
  }

  take(): H {
    const head = this.#free.pop() ?? this.#make();
    head.reset();
    return head;
  }

  giveBack(head: H): void {
    if (this.#free.length < HEADS_IDLE_MAX) this.#free.push(head);
  }
}

const HEADS_IDLE_MAX = 64;
/** An incomplete head's first buffer; most heads fit. */
const FIRST_BYTES = 1024;

export class HeadReader<H extends Head> {
  /** The head read last, until `release`; and where it stands. */
  head: H | null = null;
  bytes: Buffer = Buffer.alloc(0);
  base = 0;
  /** Behind the head. */
  end = 0;
  readonly #pool: HeadPool<H>;
  /** What has come of an incomplete head. */
  #kept: Buffer | null = null;
  #length = 0;

  constructor(pool: HeadPool<H>) {
    this.#pool = pool;
  }

  /** Nothing of a head has come. */
  get empty(): boolean {
    return this.head === null;
  }

  /**
   * Reads on in `[start, end)`. Answers the offset in the slab behind the head, or INCOMPLETE when all
   * of it was taken. Throws what the parser throws; then `release` is due as well.
   */
  read(slab: Slab, start: number, end: number): number {
    this.head ??= this.#pool.take();
    if (this.#kept === null) {
      const after = this.head.parse(slab.bytes, start, end);
      if (after === INCOMPLETE) this.#keep(slab, start, end);
      this.bytes = slab.bytes;
      this.base = start;
      this.end = after;
      return after;
    }
    const before = this.#length;
    this.#keep(slab, start, Math.min(end, start + HTTP_HEAD_MAX_BYTES - before));
    this.bytes = this.#kept;
    this.base = 0;
    const after = this.head.parse(this.#kept, 0, this.#length);
    this.end = after;
    return after === INCOMPLETE ? INCOMPLETE : start + after - before;
  }

  #keep(slab: Slab, start: number, end: number): void {
    const length = this.#length + end - start;
    if (this.#kept === null || length > this.#kept.length) {
      const larger = Buffer.allocUnsafe(Math.max(FIRST_BYTES, length * 2));
      this.#kept?.copy(larger, 0, 0, this.#length);
      this.#kept = larger;
    }
    slab.bytes.copy(this.#kept, this.#length, start, end);
    this.#length = length;
  }

  /** The head is done with: its offsets and bytes are void. */
  release(): void {
    if (this.head === null) return;
    this.#pool.giveBack(this.head);
    this.head = null;
    this.#kept = null;
    this.#length = 0;
  }
}
